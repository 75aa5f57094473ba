"""Time-aware Context Drop: averages neighbouring keys and values early in sampling.

Early in sampling only the coarse layout is decided, so a query need not attend to every token. Keys and values, but not
queries, are averaged over squares of neighbouring tokens; 2x2 squares leave a quarter of them (Lumina-Next, section
2.3). The paper specifies only "all layers at t = 0, none at t = 1". `ContextDrop` has options for the rest, and
``python -m benchmarks.context_drop`` measures them.

The possible saving: per token, a block takes ``4 D (D + D_kv) + 6 D H`` operations in its linear layers, with H the
hidden width of the feed-forward, and ``4 L D`` in self-attention. 2x2 squares leave a quarter of the latter and of the
value projection. With the shape of the 2B model (D 2304, D_kv 576, H 6144) attention costs as much as the linear layers
at L = 12,096 tokens. On average over t, half of the layers drop. With a uniform schedule an evaluation takes 0.96 of
the operations at L = 1,024 (512^2 pixels), 0.90 at 4,096 (1024^2), 0.78 at 16,384 (2048^2) and never less than 0.62.

The error, measured on the bundled emoji model at twice its size (256 tokens, ten evaluations, relative to the latents
without dropping): first layers 0.29, spread layers 0.30, last layers 0.34, all layers 0.35. Averaging before or after
RoPE differs by at most 0.008. So the defaults are the first layers and averaging before RoPE, which rotates only a
quarter of the keys. The sampling error of ten evaluations is 0.20.

Averaging moves keys and values through memory once more, so it pays off only from a few thousand tokens on.
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
    """Squares of neighbouring tokens; squares at the edge of an odd grid are smaller.

    The squares follow from positions and groups, so mixed sizes, packed batches, frames (axes before the last two) and
    views at the same positions need no special case. Each token of a prefix is its own square: clean tokens have detail
    at every time.

    Attributes:
        order: ``[N]``, indices of the tokens in the blocks' layout, sorted by square.
        offsets: ``[M]``, start of each square in ``order``.
        pairs: segments of tokens and of squares; None if the batch is not packed and all samples have equally many
            squares.
        table: rotates averaged keys to the mean position of their square; None = keys are rotated before averaging.
    """

    order: Tensor
    offsets: Tensor
    pairs: Pairs | None = None
    table: Table | None = None

    @classmethod
    def of(cls, positions: Tensor, layout: Layout, factor: int, groups: Tensor | None = None) -> Pool:
        """Squares with sides of ``factor`` positions on the last two axes.

        Args:
            positions: ``[B, L, A]``.
            layout: of the tokens.
            factor: side of a square.
            groups: ``[B, L]``, of the tokens; no square has tokens of several. None = all are of one.

        Raises:
            ValueError: the tokens have no position axes.
        """
        if not positions.shape[-1]:
            raise ValueError("context drop averages over neighbours, but these tokens have no position axes.")
        packed = layout.pack(positions).flatten(0, 1).float()
        samples = layout.samples(positions.device)
        apart = [_own_squares(positions, layout), *([] if groups is None else [groups.unsqueeze(-1)])]
        own = layout.pack(torch.cat(apart, -1)).flatten(0, 1)
        cells = torch.cat((samples.unsqueeze(-1), own, packed[:, :-2], (packed[:, -2:] / factor).floor()), -1)
        squares, owners, sizes = cells.unique(dim=0, return_inverse=True, return_counts=True)
        counts = squares[:, 0].long().bincount(minlength=layout.shape[0]).tolist()
        pairs = None
        if layout.pairs is not None or len(set(counts)) > 1:
            device = positions.device
            pairs = Pairs(queries=layout.segments(device), keys=Segments.of(counts, device))
        return cls(order=owners.argsort(stable=True), offsets=sizes.cumsum(0) - sizes, pairs=pairs)

    def mean(self, x: Tensor) -> Tensor:
        """Means over squares: ``[B, L, ...]`` to ``[B, M / B, ...]``, or packed ``[1, M, ...]``."""
        means = embedding_bag(self.order, x.flatten(0, 1).flatten(1), self.offsets, mode="mean")
        rows = 1 if self.pairs is not None else x.shape[0]
        return means.unflatten(0, (rows, -1)).unflatten(-1, x.shape[2:])

    def keys(self, k: Tensor, table: Table | None) -> Tensor:
        """Averages and rotates ``k [B, L, H, d]`` to ``[B, M / B, H, d]``; ``table`` has the angles of all tokens."""
        if self.table is not None:
            return rotate(self.mean(k), self.table)
        return self.mean(k if table is None else rotate(k, table))


def _own_squares(positions: Tensor, layout: Layout) -> Tensor:
    """``[B, L, 1]``, 0 for tokens that share squares, a number for each that does not."""
    length = positions.shape[1]
    numbers = torch.arange(length, device=positions.device) - (layout.canvas or length) + 1
    return numbers.clamp(min=0)[None, :, None].expand(layout.shape[0], -1, -1)
