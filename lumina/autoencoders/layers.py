"""The layers of a convolutional VAE along one axis, named as in latent diffusion's code."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the blocks of an encoder or a decoder have in common.

    Attributes:
        kernel: of the convolutions; odd.
        groups: of the normalisation; they divide the channels of every level.
        dropout: before the second convolution of a block.
    """

    kernel: int
    groups: int
    dropout: float


def norm(channels: int, groups: int) -> nn.GroupNorm:
    """Group normalisation."""
    return nn.GroupNorm(groups, channels, eps=1e-6)


def conv(inputs: int, outputs: int, kernel: int) -> nn.Conv1d:
    """A convolution that keeps the length."""
    return nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)


class ResBlock(nn.Module):
    """Twice norm, SiLU and convolution, added to the input.

    Args:
        inputs: channels.
        outputs: channels.
        style: of the block.
    """

    def __init__(self, inputs: int, outputs: int, style: Style) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(inputs, style.groups), conv(inputs, outputs, style.kernel)
        self.norm2, self.conv2 = norm(outputs, style.groups), conv(outputs, outputs, style.kernel)
        self.dropout = nn.Dropout(style.dropout)
        self.nin_shortcut = nn.Identity() if inputs == outputs else conv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, inputs, T]`` to ``[B, outputs, T]``."""
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        return self.nin_shortcut(x) + h


class Attention(nn.Module):
    """Self-attention with one head over all frames, added to the input.

    Args:
        channels: of input and output.
        groups: of the normalisation.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = norm(channels, groups)
        self.q, self.k, self.v, self.proj_out = (conv(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels, T]`` to the same shape."""
        h = self.norm(x)
        query, key, value = (layer(h).transpose(1, 2)[:, None] for layer in (self.q, self.k, self.v))
        attended = F.scaled_dot_product_attention(query, key, value)[:, 0].transpose(1, 2)
        return x + self.proj_out(attended)


class Level(nn.Module):
    """Blocks of one width, then a change of the length, if any.

    Args:
        inputs: channels.
        outputs: channels.
        blocks: how many.
        style: of the blocks.
        resample: the change of the length, by the name that it has in the released files.
    """

    def __init__(self, inputs: int, outputs: int, blocks: int, style: Style, **resample: nn.Module) -> None:
        super().__init__()
        widths = [inputs, *[outputs] * blocks]
        self.block = nn.ModuleList(ResBlock(before, after, style) for before, after in pairwise(widths))
        for name, layer in resample.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, inputs, T]`` to ``[B, outputs, T]``, or half or double the length."""
        h = x
        for block in self.block:
            h = block(h)
        for name, layer in self.named_children():
            h = h if name == "block" else layer(h)
        return h


class Middle(nn.Module):
    """The blocks between encoder or decoder and the latents.

    Args:
        channels: of input and output.
        style: of the blocks.
    """

    def __init__(self, channels: int, style: Style) -> None:
        super().__init__()
        self.block_1, self.block_2 = (ResBlock(channels, channels, style) for _ in range(2))
        self.attn_1 = Attention(channels, style.groups)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels, T]`` to the same shape."""
        return self.block_2(self.attn_1(self.block_1(x)))


class Downsample(nn.Module):
    """Every second frame of a convolution that sees one frame of zeros after the end and none before the start.

    Args:
        channels: of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels, T]`` to ``[B, channels, T / 2]``."""
        return self.conv(F.pad(x, (0, 1)))


class Upsample(nn.Module):
    """Every frame twice, then a convolution.

    Args:
        channels: of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels, T]`` to ``[B, channels, 2 T]``."""
        return self.conv(torch.repeat_interleave(x, 2, dim=-1))
