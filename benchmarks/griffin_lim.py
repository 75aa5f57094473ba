"""Mel spectrograms back to sound without weights: ours, librosa's inverse, and cheaper ways, in one run.

``python -m benchmarks.griffin_lim FOLDER [--seconds 4] [--every 1] [--output FILE.json]``
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.report import machine, save
from lumina.audio.bands import filter_bank
from lumina.audio.griffin_lim import GriffinLim
from lumina.audio.mel import exponential, mel_spectrogram
from lumina.audio.reading import SUFFIXES, read_sound

ITERATIONS = 32
OURS = f"lumina, {ITERATIONS} iterations"
SHORTEST = 4096  # samples of a sound that is taken

Inverse = Callable[[Tensor], Tensor]
"""``[bands, T]`` to ``[T * hop]``."""


class PseudoInverse(GriffinLim):
    """Griffin-Lim from the clipped pseudo-inverse of the filter bank."""

    def magnitudes(self, mel: Tensor) -> Tensor:
        """The pseudo-inverse, which goes below zero, clipped there."""
        inverse = torch.linalg.pinv(filter_bank(self.convention, mel.device))
        return (inverse @ exponential(mel, self.convention)).clamp(min=0)


def with_librosa(mel: Tensor) -> Tensor:
    """The inverse of librosa; its frames are centred on samples, ours half a hop later."""
    import librosa

    convention = GriffinLim().convention
    linear = librosa.feature.inverse.mel_to_stft(
        (10**mel).numpy(), sr=convention.rate, n_fft=convention.fft, power=1, fmin=convention.low, fmax=convention.high
    )
    late = librosa.griffinlim(
        linear, n_iter=ITERATIONS, hop_length=convention.hop, n_fft=convention.fft, random_state=0
    )
    half = np.zeros(convention.hop // 2, np.float32)
    return torch.from_numpy(np.concatenate([half, late, half])).float()


def of(vocoder: GriffinLim) -> Inverse:
    """A vocoder for one spectrogram."""
    return lambda mel: vocoder.sound(mel[None])[0]


INVERSES: dict[str, Inverse] = {
    OURS: of(GriffinLim(iterations=ITERATIONS)),
    "lumina, 64 iterations": of(GriffinLim(iterations=64)),
    f"lumina without momentum, {ITERATIONS}": of(GriffinLim(iterations=ITERATIONS, momentum=0)),
    f"clipped pseudo-inverse, {ITERATIONS}": of(PseudoInverse(iterations=ITERATIONS)),
    "random phases": of(GriffinLim(iterations=0)),
    f"librosa, {ITERATIONS}": with_librosa,
}


def measure(sounds: list[Tensor], inverse: Inverse) -> dict[str, float]:
    """Mean error in log10 of the mel spectrogram of what comes out, and seconds for a second of sound."""
    errors, spent = [], 0.0
    for sound in sounds:
        mel = mel_spectrogram(sound)
        began = time.process_time()
        result = inverse(mel)
        spent += time.process_time() - began
        frames = mel.shape[1]
        errors.append((mel_spectrogram(result)[:, :frames] - mel).abs().mean().item())
    seconds = sum(len(sound) for sound in sounds) / GriffinLim().convention.rate
    return {"error_log10": float(np.mean(errors)), "seconds_per_second": spent / seconds}


def read_folder(folder: Path, seconds: float, every: int) -> list[Tensor]:
    """The beginning of every so manieth sound."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)[::every]
    rate = GriffinLim().convention.rate
    sounds = [read_sound(file, rate, seconds=seconds) for file in files]
    return [sound for sound in sounds if len(sound) >= SHORTEST and sound.any()]


def main() -> None:
    """Parses the command line, measures, prints the table and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.griffin_lim", description="Mel spectrograms back to sound.")
    parser.add_argument("folder", type=Path, help="of sounds")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each sound (default: 4)")
    parser.add_argument("--every", type=int, default=1, help="take each so manieth sound (default: 1)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/griffin_lim_cpu.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    document: dict[str, Any] = {"machine": machine(torch.device("cpu"))}
    sounds = read_folder(arguments.folder, arguments.seconds, arguments.every)
    document["sounds"] = {"count": len(sounds), "seconds": sum(map(len, sounds)) / GriffinLim().convention.rate}
    for inverse in INVERSES.values():
        inverse(mel_spectrogram(sounds[0]))  # imports and builds what is kept
    document["rows"] = {name: measure(sounds, inverse) for name, inverse in INVERSES.items()}
    print(f"{len(sounds)} sounds\n\n| inverse | mean error, log10 | seconds a second |\n|---|---|---|")
    for name, row in document["rows"].items():
        print(f"| {name} | {row['error_log10']:.3f} | {row['seconds_per_second']:.3f} |")
    save(document, arguments.output)


if __name__ == "__main__":
    main()
