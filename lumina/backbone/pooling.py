"""Averages over neighbouring tokens, for keys and values under Context Drop."""

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
        cells = torch.cat((samples.unsqueeze(-1), places[:, :-2], (places[:, -2:] / factor).floor()), -1)
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
