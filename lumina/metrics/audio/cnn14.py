"""Cnn14 of PANNs (Kong et al., 2020): features and AudioSet's tags of sounds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.errors import importing
from lumina.files.weights import read_pickle
from lumina.metrics.audio.features import Heard, SoundFeatures, at_least, filled, weights_at

BANDS = 64
SECONDS = 2  # of the shortest sound
WIDTHS = (1, 64, 128, 256, 512, 1024, 2048)
TAGS = 527


class Spectrum(NamedTuple):
    """How a variant sees sounds: FFT and hop in samples, band edges in Hz."""

    fft: int
    hop: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Variant:
    """A published Cnn14.

    Attributes:
        file: its file on https://zenodo.org/records/3987831.
        spectrum: its spectrogram.
    """

    file: str
    spectrum: Spectrum


VARIANTS = {
    16_000: Variant("Cnn14_16k_mAP=0.438.pth", Spectrum(512, 160, 50, 8000)),
    32_000: Variant("Cnn14_mAP=0.431.pth", Spectrum(1024, 320, 50, 14_000)),
}


class Cnn14(SoundFeatures):
    """2,048 features and 527 tags for each sound: the Frechet distance, KL divergence and Inception Score of PANNs.

    As audioldm_eval uses it, from Make-An-Audio to AudioLDM: the whole sound is one window, its mean is removed, and a
    sound shorter than 2 s gets silence. Powers in 64 mel bands of librosa, in dB. Features are those before the last
    layer, tags its logits. Silence scores well, and the resampler moves the distance by tens: compare only numbers that
    were made alike.

    Args:
        weights: PANNs' file; at 16 kHz ``Cnn14_16k_mAP=0.438.pth``, at 32 kHz ``Cnn14_mAP=0.431.pth``.
        rate: 16,000, as in audioldm_eval, or 32,000 Hz.
    """

    name = "panns"
    distance = "fd_panns"

    def __init__(self, weights: Path, rate: Literal[16_000, 32_000] = 16_000) -> None:
        super().__init__()
        self.weights, self.rate = Path(weights), rate

    def load(self) -> nn.Module:
        """The network with its weights.

        Raises:
            FileNotFoundError: the file does not exist.
            ValueError: the file is damaged, or of another network or rate.
        """
        variant = VARIANTS[self.rate]
        where = f"{variant.file} from https://zenodo.org/records/3987831"
        stored = read_pickle(weights_at(self.weights, "Cnn14", where))
        weights = dict(stored.get("model", stored))
        network = Network(self.rate)
        bank = weights.pop("logmel_extractor.melW", None)
        if bank is not None and (bank.shape != network.bank.shape or not bank.allclose(network.bank, atol=1e-5)):
            raise ValueError(
                f"{self.weights} is a Cnn14 of another rate than {self.rate} Hz: take {where}, or set its `rate`."
            )
        own = {name: weight for name, weight in weights.items() if not name.startswith("spectrogram_extractor.")}
        return filled(network, own, self.weights, "Cnn14")

    def windows(self, sound: Tensor) -> Tensor:
        """The sound ``[N]`` as one window ``[1, n]``, without its mean."""
        return at_least(sound - sound.mean(), SECONDS * self.rate)[None]


class Network(nn.Module):
    """Cnn14, by the names of its state dict; the spectrogram is computed, not stored.

    Args:
        rate: of the sounds, in Hz.
    """

    bank: Tensor

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.spectrum = VARIANTS[rate].spectrum
        self.register_buffer("bank", mel_bank(rate, self.spectrum), persistent=False)
        self.bn0 = nn.BatchNorm2d(BANDS)
        for number, (before, after) in enumerate(pairwise(WIDTHS), start=1):
            self.add_module(f"conv_block{number}", Block(before, after))
        self.fc1 = nn.Linear(WIDTHS[-1], WIDTHS[-1])
        self.fc_audioset = nn.Linear(WIDTHS[-1], TAGS)

    def forward(self, windows: Tensor) -> Heard:
        """Sounds ``[W, n]`` to features ``[W, 2048]`` and tags ``[W, 527]``."""
        maps = self.bn0(log_mel(windows, self.spectrum, self.bank).mT[..., None]).permute(
            0, 3, 2, 1
        )  # [W, 1, frames, bands]
        for number in range(1, len(WIDTHS)):
            maps = self.get_submodule(f"conv_block{number}")(maps)
            if number < len(WIDTHS) - 1:
                maps = F.avg_pool2d(maps, 2)
        over_time = maps.mean(3)
        features = self.fc1(over_time.amax(2) + over_time.mean(2)).relu()
        return Heard(features, self.fc_audioset(features))


class Block(nn.Module):
    """Two 3x3 convolutions, each normalised and rectified.

    Args:
        before: channels in.
        after: channels out.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        """``[W, before, frames, bands]`` to ``[W, after, frames, bands]``."""
        return self.bn2(self.conv2(self.bn1(self.conv1(maps)).relu())).relu()


def log_mel(windows: Tensor, spectrum: Spectrum, bank: Tensor) -> Tensor:
    """``[W, frames, 64]`` in dB, of sounds ``[W, n]``.

    Args:
        windows: the sounds.
        spectrum: how they are seen.
        bank: filters ``[fft // 2 + 1, 64]``.
    """
    window = torch.hann_window(spectrum.fft, device=windows.device)
    found = torch.stft(windows, spectrum.fft, spectrum.hop, window=window, pad_mode="reflect", return_complex=True)
    return 10 * (found.abs().square().mT @ bank).clamp_min(1e-10).log10()


def mel_bank(rate: int, spectrum: Spectrum) -> Tensor:
    """The filter bank of librosa, ``[fft // 2 + 1, 64]``."""
    with importing("torchaudio", "Cnn14"):
        from torchaudio.functional import melscale_fbanks
    return melscale_fbanks(
        spectrum.fft // 2 + 1, spectrum.low, spectrum.high, BANDS, rate, norm="slaney", mel_scale="slaney"
    )
