"""PaSST (Koutini et al., 2022): features and AudioSet's tags of sounds, by the package hear21passt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lumina.errors import importing
from lumina.files.weights import read_pickle
from lumina.metrics.audio.features import Heard, SoundFeatures, filled, weights_at, windows_of

RATE = 32_000
WINDOW = 10 * RATE
TAIL = int(0.15 * RATE)  # a rest of fewer samples is dropped
WIDTH, HOP, FFT, BANDS, FRAMES = 800, 320, 1024, 128, 998
LOW, HIGH = 0, 15_000  # Hz

URL = "https://github.com/kkoutini/PaSST/releases/download/v0.0.1-audioset/passt-s-f128-p16-s10-ap.476-swa.pt"


class Passt(SoundFeatures):
    """768 features and 527 tags for each 10 s: the KL divergence of MusicGen and AudioGen.

    32 kHz; windows of 10 s end to end, the last one followed by silence, or dropped if it holds less than 0.15 s.

    Args:
        weights: PaSST's ``passt-s-f128-p16-s10-ap.476-swa.pt``, the network of 10 s.
    """

    name = "passt"
    distance = "fd_passt"
    at_once = 8
    rate = RATE

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.weights = Path(weights)

    def load(self) -> nn.Module:
        """The network with its weights.

        Raises:
            FileNotFoundError: the file does not exist.
            ImportError: hear21passt is not installed.
            ValueError: the file is damaged or of another network.
        """
        path = weights_at(self.weights, "PaSST", URL)
        network = Network()
        filled(network.transformer, read_pickle(path), path, "PaSST")
        return network

    def windows(self, sound: Tensor) -> Tensor:
        """Windows ``[W, 320000]`` of a sound ``[N]``."""
        rest = len(sound) % WINDOW
        return windows_of(sound[: len(sound) - rest] if len(sound) > WINDOW and rest < TAIL else sound, WINDOW, WINDOW)


class Network(nn.Module):
    """The package's transformer over a log-mel spectrogram.

    Args:
        options: of the transformer, for smaller ones.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        with importing("hear21passt", "PaSST"):
            from hear21passt.models import passt
        passt.first_RUN = False  # or it prints the shape of every tensor
        self.transformer = passt.PaSST(img_size=(BANDS, FRAMES), stride=(10, 10), distilled=True, **options)

    def forward(self, windows: Tensor) -> Heard:
        """Windows ``[W, 320000]`` to features ``[W, 768]`` and tags ``[W, 527]``."""
        tags, features = self.transformer(log_mel(windows)[:, None, :, :FRAMES])
        return Heard(features, tags)


def log_mel(windows: Tensor) -> Tensor:
    """``[W, 128, frames]`` of windows ``[W, n]`` at 32 kHz: Kaldi's mel bands after pre-emphasis of 0.97."""
    with importing("torchaudio", "PaSST"):
        from torchaudio.compliance.kaldi import get_mel_banks
    emphasised = windows[:, 1:] - 0.97 * windows[:, :-1]
    window = torch.hann_window(WIDTH, periodic=False, device=windows.device)
    spectrum = torch.stft(emphasised, FFT, HOP, WIDTH, window, pad_mode="reflect", return_complex=True)
    bank, _ = get_mel_banks(BANDS, FFT, RATE, LOW, HIGH, vtln_low=100.0, vtln_high=-500.0, vtln_warp_factor=1.0)
    mel = bank.to(windows) @ spectrum.abs().square()[:, :-1]
    return ((mel + 1e-5).log() + 4.5) / 5
