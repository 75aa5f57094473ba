"""Modulation of the blocks by time and conditions: scales, shifts and gates."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lumina.backbone.config import NextDiTConfig
from lumina.backbone.initialisation import zero_linear
from lumina.backbone.layout import Layout


class Modulation(NamedTuple):
    """Modulation of one branch of a block (attention or feed-forward); all fields broadcast over ``[B, L, D]``.

    Attributes:
        scale: the input is multiplied by ``1 + scale``; None = no scale.
        shift: added after the scale; None = no shift.
        gate: factor of the branch before the residual addition.
    """

    scale: Tensor | None
    shift: Tensor | None
    gate: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """Modulates the branch's input ``x [B, L, D]``: ``x * (1 + scale) + shift``."""
        if self.scale is not None:
            x = x * (1 + self.scale)
        return x if self.shift is None else x + self.shift


class AdaptiveModulation(nn.Sequential):
    """Adaptive modulation (adaLN-zero; DiT): SiLU, then a linear layer that is initialised to zero.

    "scale_gate" outputs scale_attn, gate_attn, scale_mlp and gate_mlp (Next-DiT); "shift_scale_gate" outputs shift,
    scale and gate for each branch (Flag-DiT, SiT). All gates are 0 at initialisation.

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        parts = 4 if config.modulation == "scale_gate" else 6
        super().__init__(nn.SiLU(), zero_linear(config.cond_dim, parts * config.dim))
        self.parts = parts

    def halves(self, vectors: Tensor, layout: Layout) -> tuple[Modulation, Modulation]:
        """Modulations of the attention and feed-forward branches from condition vectors ``[B * G, C]``."""
        chunks = layout.spread(self(vectors)).chunk(self.parts, -1)
        if self.parts == 4:
            return Modulation(chunks[0], None, chunks[1]), Modulation(chunks[2], None, chunks[3])
        return Modulation(chunks[1], chunks[0], chunks[2]), Modulation(chunks[4], chunks[3], chunks[5])


class LearnedGates(nn.Module):
    """Gates as parameters, for a network without time (Lumina-Next, appendix D.1); 0 at initialisation.

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        super().__init__()
        self.attention = nn.Parameter(torch.zeros(config.dim))
        self.feed_forward = nn.Parameter(torch.zeros(config.dim))

    def halves(self, vectors: Tensor, layout: Layout) -> tuple[Modulation, Modulation]:
        """The two gates; the condition vectors are not used."""
        return Modulation(None, None, self.attention), Modulation(None, None, self.feed_forward)
