"""Time-aware Context Drop: averages of neighbouring keys and values while the sample is still noise.

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

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from lumina.backbone.layout import Layout
from lumina.backbone.rope import Table, rotate
from lumina.backbone.varlen import Pairs, Segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Squares of neighbouring tokens; at the edge of an odd grid a square holds what there is.

    They go by position, so that mixed sizes, packed batches and frames (axes before the last two) are no special case.
    Tokens of a prefix stay as they are, each a square of its own: what is clean has detail at every time.

    Attributes:
        order: ``[N]``, the tokens that the blocks see, square after square.
        offsets: ``[M]``, where in ``order`` each square begins.
        pairs: which tokens see which squares; None where nothing is packed and every sample has as many squares.
        table: turns averaged keys to the mean position of their square; None = keys are averaged once they are turned.
    """

    order: Tensor
    offsets: Tensor
    pairs: Pairs | None = None
    table: Table | None = None

    @classmethod
    def of(cls, positions: Tensor, layout: Layout, factor: int) -> Pool:
        """Squares of ``factor`` positions a side on the last two axes.

        Args:
            positions: ``[B, L, A]``.
            layout: of the tokens.
            factor: side of a square.

        Raises:
            ValueError: for tokens without position axes.
        """
        if not positions.shape[-1]:
            raise ValueError("context drop averages over neighbours, but these tokens have no position axes.")
        places = layout.pack(positions).flatten(0, 1).float()
        samples = layout.samples(positions.device)
        own = layout.pack(_own_squares(positions, layout)).flatten(0, 1)
        cells = torch.cat((samples.unsqueeze(-1), own, places[:, :-2], (places[:, -2:] / factor).floor()), -1)
        squares, owners, sizes = cells.unique(dim=0, return_inverse=True, return_counts=True)
        counts = squares[:, 0].long().bincount(minlength=layout.shape[0]).tolist()
        pairs = None
        if layout.pairs is not None or len(set(counts)) > 1:
            device = positions.device
            pairs = Pairs(queries=layout.segments(device), keys=Segments.of(counts, device))
        return cls(order=owners.argsort(stable=True), offsets=sizes.cumsum(0) - sizes, pairs=pairs)

    def mean(self, x: Tensor) -> Tensor:
        """``[B, L, ...] -> [B, M / B, ...]``, or packed ``[1, M, ...]``."""
        means = embedding_bag(self.order, x.flatten(0, 1).flatten(1), self.offsets, mode="mean")
        rows = 1 if self.pairs is not None else x.shape[0]
        return means.unflatten(0, (rows, -1)).unflatten(-1, x.shape[2:])

    def keys(self, k: Tensor, table: Table | None) -> Tensor:
        """Averaged and turned keys ``[B, M / B, H, d]`` of ``k [B, L, H, d]``; ``table`` turns those of every token."""
        if self.table is not None:
            return rotate(self.mean(k), self.table)
        return self.mean(k if table is None else rotate(k, table))


def _own_squares(positions: Tensor, layout: Layout) -> Tensor:
    """``[B, L, 1]``, 0 for tokens that share squares, a number for each that does not."""
    length = positions.shape[1]
    numbers = torch.arange(length, device=positions.device) - (layout.canvas or length) + 1
    return numbers.clamp(min=0)[None, :, None].expand(layout.shape[0], -1, -1)
