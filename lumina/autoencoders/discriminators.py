"""Discriminators of mel spectrograms and of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lumina.interfaces import Discriminator
from lumina.randomness import Randomness, uniform

BLOCKS = 3
SLOPE = 0.2
"""Of the LeakyReLU."""
EPS = 0.8
"""Of the windows' batch normalisation, as released: channels that vary little are not blown up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Where one window lies in the samples that are long enough for it.

    Attributes:
        rows: ``[N]``, the samples.
        starts: ``[N]``, the first frame in each.
    """

    rows: Tensor
    starts: Tensor


class MultiWindowDiscriminator(Discriminator):
    """Judges mel spectrograms by random windows of several lengths, as Make-An-Audio's and SyntaSpeech's does.

    A sample's logit is the sum over the windows. A window lies within the real frames; one that is longer than they are
    is left out for that sample, and the others count for it. A sample that is shorter than all is not judged.

    Args:
        windows: frames of each.
        bands: of the spectrograms.
        channels: of the convolutions.
        dropout: share of channels dropped after each convolution.

    Raises:
        ValueError: there is no window, or an empty one.
    """

    def __init__(
        self, windows: Sequence[int] = (32, 64, 128), bands: int = 80, channels: int = 128, dropout: float = 0.25
    ) -> None:
        super().__init__()
        if not windows or min(windows) < 1:
            raise ValueError(f"MultiWindowDiscriminator: windows={list(windows)} must be numbers of frames, as 32.")
        self.windows, self.bands = tuple(windows), bands
        self.judges = nn.ModuleList(_Window(bands, window, channels, dropout) for window in windows)

    def places(self, data: Tensor, mask: Tensor | None, source: Randomness) -> list[Clips]:
        """A start for each window in each sample that is long enough.

        Raises:
            ValueError: the data is no spectrograms, or they have another number of bands.
        """
        if data.dim() != 3:
            raise ValueError(f"a MultiWindowDiscriminator judges mel spectrograms, got pictures {list(data.shape)}.")
        if data.shape[1] != self.bands:
            raise ValueError(
                f"MultiWindowDiscriminator: bands={self.bands}, but the spectrograms have {data.shape[1]}; set bands "
                "to that."
            )
        count, frames = len(data), data.shape[-1]
        shares = uniform(source, count, len(self.windows)).to(data.device)
        lengths = torch.full((count,), frames, device=data.device) if mask is None else mask.sum(-1)
        return [_clips(share, lengths, window) for share, window in zip(shares.unbind(1), self.windows, strict=True)]

    def forward(self, data: Tensor, places: Sequence[Clips] | None = None) -> Tensor:
        """Logits ``[N]`` of the N samples in which a window lies.

        Raises:
            ValueError: no places were drawn.
        """
        if places is None:
            raise ValueError("a MultiWindowDiscriminator looks at places, which its method `places` draws.")
        total = data.new_zeros(len(data), dtype=torch.float32)
        count = torch.zeros_like(total)
        for judge, window, clips in zip(self.judges, self.windows, places, strict=True):
            if len(clips.rows):
                logits = judge(_cut(data, clips, window)).float()
                total = total.index_add(0, clips.rows, logits)
                count = count.index_add(0, clips.rows, torch.ones_like(logits))
        judged = count > 0
        return total[judged] / count[judged] * len(self.windows)


class PatchDiscriminator(Discriminator):
    """Judges overlapping patches of pictures (PatchGAN); 70 pixels a side with three layers.

    Args:
        inputs: channels of the pictures.
        channels: of the first convolution; each further one has twice as many, at most eight times.
        layers: convolutions that halve the sides.
    """

    def __init__(self, inputs: int = 3, channels: int = 64, layers: int = 3) -> None:
        super().__init__()
        widths = [channels * min(2**layer, 8) for layer in range(layers + 1)]
        parts: list[nn.Module] = [nn.Conv2d(inputs, channels, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        for layer in range(1, layers + 1):
            stride = 1 if layer == layers else 2
            parts += [nn.Conv2d(widths[layer - 1], widths[layer], 4, stride, 1, bias=False)]
            parts += [nn.BatchNorm2d(widths[layer]), nn.LeakyReLU(SLOPE)]
        self.inputs = inputs
        self.layers = nn.Sequential(*parts, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, data: Tensor, places: None = None) -> Tensor:
        """``[B, inputs, H, W]`` to logits ``[B, 1, h, w]``, one a patch.

        Raises:
            ValueError: the data is no pictures, or they have another number of channels.
        """
        if data.dim() != 4 or data.shape[1] != self.inputs:
            raise ValueError(
                f"a PatchDiscriminator judges pictures [B, {self.inputs}, H, W], got {list(data.shape)}; use "
                "MultiWindowDiscriminator for mel spectrograms."
            )
        return self.layers(data).float()


class _Window(nn.Module):
    """One window's judge: convolutions with stride 2 over time and bands, then one linear layer over all that is left.

    Args:
        bands: of the window.
        frames: of the window.
        channels: of the convolutions.
        dropout: share of channels dropped after each.
    """

    def __init__(self, bands: int, frames: int, channels: int, dropout: float) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for block in range(BLOCKS):
            parts += [nn.Conv2d(channels if block else 1, channels, 3, 2, 1), nn.LeakyReLU(SLOPE)]
            parts += [nn.Dropout2d(dropout), *([nn.BatchNorm2d(channels, eps=EPS)] if block else [])]
        self.layers = nn.Sequential(*parts, nn.Flatten())
        cells = math.prod(math.ceil(side / 2**BLOCKS) for side in (bands, frames))
        self.head = nn.Linear(channels * cells, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """``[N, bands, frames]`` to logits ``[N]``."""
        return self.head(self.layers(mel[:, None]))[:, 0]


def _clips(shares: Tensor, lengths: Tensor, window: int) -> Clips:
    """Starts, from numbers in [0, 1), that let the window end within each length."""
    room = lengths - window
    rows = (room >= 0).nonzero()[:, 0]
    starts = (shares * (room + 1)).long().minimum(room)
    return Clips(rows=rows, starts=starts[rows])


def _cut(mel: Tensor, clips: Clips, window: int) -> Tensor:
    """``[N, bands, window]``."""
    frames = clips.starts[:, None] + torch.arange(window, device=mel.device)
    return mel[clips.rows].gather(-1, frames[:, None].expand(-1, mel.shape[1], -1))
