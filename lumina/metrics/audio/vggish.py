"""VGGish, whose features the Frechet audio distance uses (Hershey et al., 2017; Kilgour et al., 2019)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from lumina.files.weights import read_pickle
from lumina.metrics.audio.features import SoundFeatures, at_least, filled, weights_at

RATE = 16_000
WINDOW, HOP, FFT = 400, 160, 512  # samples: 25 ms, 10 ms
FRAMES, BANDS = 96, 64  # of an example, 0.96 s
SHORTEST = FRAMES * HOP + WINDOW - HOP
"""Samples of the shortest sound that fills an example, 15,600."""

URL = "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth"
WIDTHS = (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool")


class VGGish(SoundFeatures):
    """128 features for each 0.96 s: those of the Frechet audio distance (FAD).

    As frechet-audio-distance, fadtk and audioldm_eval use it: 16 kHz; magnitudes of 25 ms every 10 ms in 64 mel bands
    from 125 to 7,500 Hz, ``log(x + 0.01)``; examples of 96 frames without overlap, the rest dropped; neither the last
    ReLU nor the PCA and 8-bit quantisation of the TensorFlow release. A sound shorter than 0.975 s gets silence.

    Args:
        weights: torchvggish's ``vggish-10086976.pth`` (72,141,184 parameters).
    """

    name = "vggish"
    distance = "fad"
    rate = RATE

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.weights = Path(weights)

    def load(self) -> nn.Module:
        """The network with its weights.

        Raises:
            FileNotFoundError: the file does not exist.
            ValueError: the file is damaged or of another network.
        """
        path = weights_at(self.weights, "VGGish", URL)
        return filled(Network(), read_pickle(path), path, "VGGish")

    def windows(self, sound: Tensor) -> Tensor:
        """Log-mel examples ``[W, 96 * 64]`` of a sound ``[N]``."""
        return examples(at_least(sound, SHORTEST)).flatten(1)


class Network(nn.Module):
    """The network of torchvggish, by the names of its state dict, without the last ReLU."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in WIDTHS:
            if isinstance(width, str):
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        self.features = nn.Sequential(*layers)
        widths = (512 * 4 * 6, 4096, 4096, 128)
        dense = [nn.Linear(*pair) for pair in pairwise(widths)]
        self.embeddings = nn.Sequential(dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2])

    def forward(self, windows: Tensor) -> Tensor:
        """``[W, 96 * 64]`` to ``[W, 128]``."""
        maps = self.features(windows.unflatten(1, (1, FRAMES, BANDS)))
        # TensorFlow's order: row, column, channel
        return self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))


def examples(sound: Tensor) -> Tensor:
    """Log-mel examples ``[W, 96, 64]`` of a sound ``[N]`` at 16 kHz; none below 15,600 samples."""
    if len(sound) < SHORTEST:
        return sound.new_zeros(0, FRAMES, BANDS)
    frames = sound.double().unfold(0, WINDOW, HOP)  # float32 is off by 2e-5
    spectrum = torch.fft.rfft(frames * torch.hann_window(WINDOW, dtype=frames.dtype, device=frames.device), FFT).abs()
    mel = torch.log(spectrum @ mel_matrix().to(spectrum) + 0.01)
    return mel.unfold(0, FRAMES, FRAMES).mT.to(sound.dtype)


def mel_matrix() -> Tensor:
    """``[257, 64]`` float64: triangles in HTK's mel scale, with the bin of 0 Hz left out."""
    bins = _mel(torch.linspace(0, RATE / 2, FFT // 2 + 1, dtype=torch.float64))[:, None]
    lowest, highest = _mel(torch.tensor([125, 7500], dtype=torch.float64)).tolist()
    edges = torch.linspace(lowest, highest, BANDS + 2, dtype=torch.float64)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    matrix = torch.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clamp_min(0)
    matrix[0] = 0
    return matrix


def _mel(hertz: Tensor) -> Tensor:
    return 1127 * torch.log1p(hertz / 700)
