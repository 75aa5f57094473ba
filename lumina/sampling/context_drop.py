"""Time-aware Context Drop: fewer keys and values in self-attention while the sample is still noise.

Early in sampling only the coarse layout is decided, so a query need not see every token: keys and values, never
queries, are averaged over squares of neighbouring tokens, 2x2 leaving a quarter of them (Lumina-Next, section 2.3). The
paper says "all layers at t = 0, none at t = 1" and no more; `ContextDrop` offers what is open, and
``python -m benchmarks.context_drop`` measures it.

What there is to save: for each token a block spends ``4 D (D + D_kv) + 6 D H`` operations in its linear layers (H the
hidden width of the feed-forward) and ``4 L D`` in self-attention, of which 2x2 squares leave a quarter, as of the
values' projection. At the shape of the 2B model (D 2304, D_kv 576, H 6144) attention reaches the cost of the linear
layers at L = 12,096 tokens. Half of the layers drop on average over t, so a uniform schedule's evaluations fall to 0.96
of their operations at L = 1,024 (512^2 pixels), 0.90 at 4,096 (1024^2), 0.78 at 16,384 (2048^2) and never below 0.62.
Measured on the bundled emoji model at twice its size (256 tokens, ten evaluations, relative error of the latents
against no dropping): first 0.29, spread 0.30, last 0.34, all 0.35; before or after RoPE within 0.008 of each other.
Hence the defaults: the first layers, and before RoPE, where a quarter of the keys is turned. The sampling error of ten
evaluations is 0.20.

Averaging moves keys and values through memory once more, so it pays from some thousand tokens on, and not below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextDrop:
    """Which layers average their keys and values, when, and how.

    There is no correction for the number of tokens that a key stands for: with as many in every square it would add
    the same constant to every logit, which softmax ignores. Proportional attention keeps counting tokens, not squares,
    as in the released code.

    Attributes:
        layers: of N layers ``round((1 - t) N)`` drop at time t: the "first", the "last", or those "spread" evenly;
            "all" drops in every layer while ``t < 1/2``, which costs as much.
        before_rope: average keys before they are turned, and turn them to the mean position; otherwise after.
        factor: side of the squares, in tokens along the last two position axes (one-dimensional data: along the only).
    """

    layers: Literal["first", "last", "spread", "all"] = "first"
    before_rope: bool = True
    factor: int = 2

    def __post_init__(self) -> None:
        """Refuses squares of one token.

        Raises:
            ValueError: for a factor below 2.
        """
        if self.factor < 2:
            raise ValueError(f"context drop averages squares of at least 2 tokens a side, got factor={self.factor}.")

    def chosen(self, count: int, t: float) -> list[bool]:
        """For each of ``count`` layers whether it drops at time ``t``."""
        if self.layers == "all":
            return [t < 0.5] * count
        dropping = int((1 - t) * count + 0.5)
        if self.layers == "first":
            return [depth < dropping for depth in range(count)]
        if self.layers == "last":
            return [depth >= count - dropping for depth in range(count)]
        return [(depth + 1) * dropping // count > depth * dropping // count for depth in range(count)]
