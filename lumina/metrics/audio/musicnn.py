"""Features of music from the package musicnn, which contains its weights (Pons and Serra, 2019)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.config.locate import locate
from lumina.errors import importing
from lumina.files.tensor_bundle import read_tensor_bundle
from lumina.metrics.audio.features import SoundFeatures, at_least, filled

RATE = 16_000
FFT, HOP, BANDS = 512, 256, 96
FRAMES = 187  # of a patch, 3 s
EPSILON = 1e-3  # of TensorFlow's batch normalisation
FRONT = (((7, 38), 204), ((7, 67), 204), ((128, 1), 51), ((64, 1), 51), ((32, 1), 51))  # kernels and channels
MIDDLE, FEATURES, TAGS = 64, 200, 50
WIDTH = sum(channels for _, channels in FRONT)


class Musicnn(SoundFeatures):
    """200 features for each 3 s of music, of a network that was trained to tag it.

    The package's own protocol: 16 kHz; powers in 96 mel bands of librosa, rounded to half precision,
    ``log10(10000 x + 1)``; patches of 187 frames without overlap, the rest dropped; a shorter sound gets silence.
    Features are those before the last layer. They are not those of FAD: call the distance by its name.

    Args:
        trained_on: ``MTT`` (MagnaTagATune) or ``MSD`` (Million Song Dataset).

    Raises:
        ImportError: musicnn is not installed.
    """

    name = "musicnn"
    distance = "musicnn_frechet"
    components = 32
    rate = RATE

    def __init__(self, trained_on: Literal["MTT", "MSD"] = "MTT") -> None:
        super().__init__()
        self.trained_on = trained_on

    def load(self) -> nn.Module:
        """The network with the package's weights; TensorFlow is not needed.

        Raises:
            ImportError: musicnn is not installed.
            ValueError: its files are damaged.
        """
        folder = locate(f"package:musicnn/{self.trained_on}_musicnn")
        stored = read_tensor_bundle(f"{folder}/")
        weights = {name: torch.from_numpy(values.copy()) for name, values in stored.items()}
        return filled(Network(), renamed(weights), folder, "musicnn")

    def windows(self, sound: Tensor) -> Tensor:
        """Patches ``[W, 187 * 96]`` of the log-mel spectrogram of a sound ``[N]``."""
        mel = log_mel(at_least(sound, FRAMES * HOP))
        return mel.unfold(0, FRAMES, FRAMES).mT.flatten(1)


class Network(nn.Module):
    """The network: five convolutions side by side, three with shortcuts, and pooling over time."""

    def __init__(self) -> None:
        super().__init__()
        self.first = _norm(1)
        self.front = nn.ModuleList(Layer(1, channels, kernel) for kernel, channels in FRONT)
        self.middle = nn.ModuleList(Layer(1, MIDDLE, (7, width)) for width in (WIDTH, MIDDLE, MIDDLE))
        pooled = 2 * (WIDTH + 3 * MIDDLE)
        self.pooled = nn.BatchNorm1d(pooled, eps=EPSILON)
        self.dense = nn.Linear(pooled, FEATURES)
        self.last = nn.BatchNorm1d(FEATURES, eps=EPSILON)

    def forward(self, windows: Tensor) -> Tensor:
        """``[W, 187 * 96]`` to ``[W, 200]``."""
        maps = self.first(windows.unflatten(1, (1, FRAMES, BANDS)))
        wide = torch.cat([layer(maps).amax(3) for layer in self.front], 1)
        parts = [wide]
        for number, layer in enumerate(self.middle):
            below = layer(parts[-1].mT[:, None])[..., 0]
            parts.append(below + parts[-1] if number else below)
        heights = torch.cat(parts, 1)  # [W, 753, frames]
        pooled = torch.stack((heights.amax(2), heights.mean(2)), 2).flatten(1)
        return self.last(self.dense(self.pooled(pooled)).relu())


class Layer(nn.Module):
    """A convolution that keeps the number of frames, as TensorFlow pads; rectified and then normalised.

    Args:
        before: channels in.
        after: channels out.
        kernel: frames and bands.
    """

    def __init__(self, before: int, after: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.frames = kernel[0]
        self.conv = nn.Conv2d(before, after, kernel)
        self.norm = _norm(after)

    def forward(self, maps: Tensor) -> Tensor:
        """``[W, before, frames, bands]`` to ``[W, after, frames, bands']``."""
        before = (self.frames - 1) // 2
        return self.norm(self.conv(F.pad(maps, (0, 0, before, self.frames - 1 - before))).relu())


def log_mel(sound: Tensor) -> Tensor:
    """``[frames, 96]`` of a sound ``[N]`` at 16 kHz."""
    with importing("torchaudio", "the features of music"):
        from torchaudio.functional import melscale_fbanks
    window = torch.hann_window(FFT, device=sound.device)
    spectrum = torch.stft(sound, FFT, HOP, window=window, pad_mode="constant", return_complex=True)
    bank = melscale_fbanks(FFT // 2 + 1, 0, RATE / 2, BANDS, RATE, norm="slaney", mel_scale="slaney")
    mel = spectrum.abs().square().mT @ bank.to(sound)
    return (10_000 * mel.half().to(sound.dtype) + 1).log10()


def renamed(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The package's tensors by the names of `Network`."""
    layers = [f"front.{number}" for number in range(len(FRONT))] + [f"middle.{number}" for number in range(3)]
    norms = ["first", *(f"{layer}.norm" for layer in layers), "pooled", "last"]
    weights = {}
    for number, layer in enumerate(layers):
        weights[f"{layer}.conv.weight"] = stored[f"{_nth('conv2d', number)}/kernel"].permute(3, 2, 0, 1)
        weights[f"{layer}.conv.bias"] = stored[f"{_nth('conv2d', number)}/bias"]
    for number, norm in enumerate(norms):
        for ours, theirs in NORM.items():
            weights[f"{norm}.{ours}"] = stored[f"{_nth('batch_normalization', number)}/{theirs}"]
        weights[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    weights["dense.weight"], weights["dense.bias"] = stored["dense/kernel"].mT, stored["dense/bias"]
    return weights


NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def _nth(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)
