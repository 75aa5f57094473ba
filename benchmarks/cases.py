"""Benchmark cases: models, and batches of one size or of mixed sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lumina.backbone import NextDiTConfig

CHANNELS, PATCH, TEXT_TOKENS, TEXT_WIDTH = 4, 2, 16, 64

Mode = Literal["forward", "training", "memory"]
Sizes = tuple[tuple[int, int], ...]
"""Height and width of each sample's latent."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A batch and its measurements.

    Attributes:
        name: for the table.
        sizes: of the latents.
        kv_heads: key/value heads of the backbone.
        modes: "forward" and "training" (forward and backward) are timed; "memory" is the peak of a training step.
    """

    name: str
    sizes: Sizes
    kv_heads: int
    modes: tuple[Mode, ...] = ("forward", "training")

    @property
    def lengths(self) -> list[int]:
        """Number of tokens of each sample."""
        return [height * width // PATCH**2 for height, width in self.sizes]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Cases and the size of the backbone that they run on."""

    dim: int
    layers: int
    cases: tuple[Case, ...]

    def config(self, kv_heads: int) -> NextDiTConfig:
        """The backbone of the cases with ``kv_heads``."""
        return NextDiTConfig(
            dim=self.dim,
            num_layers=self.layers,
            num_heads=6,
            num_kv_heads=kv_heads,
            token_dim=CHANNELS * PATCH**2,
            position_axes=2,
            text_dim=TEXT_WIDTH,
        )


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The inputs of one batch.

    Attributes:
        images: ``[B, C, H, W]``, or a list of ``[C, H, W]`` of mixed sizes.
        t: ``[B]``.
        text: ``[B, S, C]``.
        text_mask: ``[B, S]``, all True.
    """

    images: Tensor | list[Tensor]
    t: Tensor
    text: Tensor
    text_mask: Tensor


def inputs_of(sizes: Sizes, device: torch.device) -> Inputs:
    """A random batch of latents of these sizes; the same at every call."""
    generator = torch.Generator().manual_seed(0)
    count = len(sizes)
    images = [torch.randn(CHANNELS, *size, generator=generator).to(device) for size in sizes]
    return Inputs(
        images=torch.stack(images) if len(set(sizes)) == 1 else images,
        t=torch.rand(count, generator=generator).to(device),
        text=torch.randn(count, TEXT_TOKENS, TEXT_WIDTH, generator=generator).to(device),
        text_mask=torch.ones(count, TEXT_TOKENS, dtype=torch.bool, device=device),
    )


# eight different sizes, 1,263 tokens: 62 % of what padding to the longest would take
MIXED = ((16, 16), (16, 24), (28, 16), (16, 32), (20, 32), (32, 24), (30, 34), (32, 32))

FULL = Suite(
    dim=384,
    layers=12,
    cases=(
        Case(name="8 of 4x32x32", sizes=((32, 32),) * 8, kv_heads=6),
        Case(name="1 of 4x64x64", sizes=((64, 64),), kv_heads=6),
        Case(name="8 of 4x32x32", sizes=((32, 32),) * 8, kv_heads=2),
        Case(name="1 of 4x64x64", sizes=((64, 64),), kv_heads=2),
        Case(name="1 of 4x128x128", sizes=((128, 128),), kv_heads=2, modes=("forward", "memory")),
        Case(name="8 of 64 to 256 tokens", sizes=MIXED, kv_heads=2),
    ),
)

QUICK = Suite(
    dim=96,
    layers=1,
    cases=(
        Case(name="1 of 4x32x32", sizes=((32, 32),), kv_heads=2, modes=("training", "memory")),
        Case(name="3 of 8 to 24 tokens", sizes=((4, 8), (8, 8), (8, 12)), kv_heads=2, modes=("forward",)),
    ),
)
