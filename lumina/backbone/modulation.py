"""How time and conditions reach the blocks: scales, shifts and gates."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lumina.backbone.config import NextDiTConfig
from lumina.backbone.initialisation import zero_linear
from lumina.backbone.layout import Layout


class Modulation(NamedTuple):
    """What one half of a block (attention or feed-forward) is modulated by; each broadcasts over ``[B, L, D]``.

    Attributes:
        scale: input times ``1 + scale``; None = untouched.
        shift: added after the scale; None = none.
        gate: factor of the residual branch.
    """

    scale: Tensor | None
    shift: Tensor | None
    gate: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """``x * (1 + scale) + shift``."""
        if self.scale is not None:
            x = x * (1 + self.scale)
        return x if self.shift is None else x + self.shift


class AdaptiveModulation(nn.Sequential):
    """SiLU, then a zero-initialised Linear: adaLN.

    "scale_gate" gives scale_attn, gate_attn, scale_mlp, gate_mlp (Next-DiT); "shift_scale_gate" gives shift, scale,
    gate for each half (Flag-DiT, SiT).

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        parts = 4 if config.modulation == "scale_gate" else 6
        super().__init__(nn.SiLU(), zero_linear(config.cond_dim, parts * config.dim))
        self.parts = parts

    def halves(self, vectors: Tensor, layout: Layout) -> tuple[Modulation, Modulation]:
        """Modulations of attention and of feed-forward from condition vectors ``[B * G, C]``."""
        chunks = layout.spread(self(vectors)).chunk(self.parts, -1)
        if self.parts == 4:
            return Modulation(chunks[0], None, chunks[1]), Modulation(chunks[2], None, chunks[3])
        return Modulation(chunks[1], chunks[0], chunks[2]), Modulation(chunks[4], chunks[3], chunks[5])


class LearnedGates(nn.Module):
    """Gates that are parameters, for a network without time (Lumina-Next, appendix D.1).

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        super().__init__()
        self.attention = nn.Parameter(torch.zeros(config.dim))
        self.feed_forward = nn.Parameter(torch.zeros(config.dim))

    def halves(self, vectors: Tensor, layout: Layout) -> tuple[Modulation, Modulation]:
        """The two gates; the condition vectors are not read."""
        return Modulation(None, None, self.attention), Modulation(None, None, self.feed_forward)
