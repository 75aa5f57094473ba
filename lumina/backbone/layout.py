"""How a batch of tokens lies in memory while the blocks run.

Where nothing is padding the batch stays ``[B, L, D]``. Where something is, the real tokens of all samples are packed
into one sequence ``[1, N, D]``: the linears see real tokens only and attention runs segment by segment. Padding
therefore costs nothing and cannot leak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.backbone.varlen import Pairs, Segments
from lumina.values import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The places of a batch.

    Attributes:
        shape: (B, L) of the padded batch.
        mask: ``[B, L]``, the padding that is computed along; None = nothing is padding, or it is packed away.
        places: ``[N]`` flat indices of the real tokens in the padded batch; None = not packed.
        pairs: each sample a segment that sees itself, when packed.
        rows: row of the condition vectors that each token reads, ``[B, L]`` or ``[1, N]``; None = one row a sample,
            broadcast.
        query_scale: factor on the queries of self-attention (proportional attention); None = 1.
        canvas: so many of the L tokens, the first, are noisy; the others are a prefix. None = all are noisy.
    """

    shape: tuple[int, int]
    mask: Tensor | None = None
    places: Tensor | None = None
    pairs: Pairs | None = None
    rows: Tensor | None = None
    query_scale: Tensor | float | None = None
    canvas: int | None = None

    @classmethod
    def of(
        cls,
        tokens: Tokens,
        group_count: int,
        proportional_base: int | None,
        packed: bool = True,
        canvas: int | None = None,
    ) -> Layout:
        """The layout of ``tokens``.

        Args:
            tokens: the batch.
            group_count: G, groups a sample; 1 where conditions are per sample.
            proportional_base: see `lumina.interfaces.Inference`.
            packed: whether padding is left out, or computed along.
            canvas: as the attribute.

        Raises:
            ValueError: for grouped conditions of tokens without groups.
        """
        batch, length = tokens.features.shape[:2]
        mask = tokens.mask
        groups, rows = groups_of(tokens, group_count), None
        if groups is not None:
            rows = torch.arange(batch, device=groups.device).unsqueeze(-1) * group_count + groups
        if mask is None or bool(mask.all()):
            scale = None if proportional_base is None else _length_scale(canvas or length, proportional_base)
            return cls(shape=(batch, length), rows=rows, query_scale=scale, canvas=canvas)
        scales = None if proportional_base is None else _length_scales(mask[:, :canvas], proportional_base)
        if not packed:
            factors = None if scales is None else scales.view(-1, 1, 1, 1)
            return cls(shape=(batch, length), mask=mask, rows=rows, query_scale=factors, canvas=canvas)
        segments = Segments.of(mask.sum(1).tolist(), mask.device)
        places = mask.flatten().nonzero().squeeze(-1)
        rows = places // length if rows is None else rows.flatten()[places]
        return cls(
            shape=(batch, length),
            places=places,
            pairs=Pairs(queries=segments, keys=segments),
            rows=rows.unsqueeze(0),
            query_scale=None if scales is None else scales[places // length].view(1, -1, 1, 1),
            canvas=canvas,
        )

    def pack(self, x: Tensor) -> Tensor:
        """``[B, L, ...]`` (or ``[1, L, ...]`` shared by the batch) to what the blocks see."""
        if self.places is None:
            return x
        return x.expand(*self.shape, *x.shape[2:]).flatten(0, 1)[self.places].unsqueeze(0)

    def unpack(self, x: Tensor) -> Tensor:
        """The reverse of `pack`; padding comes back as zeros, a prefix not at all."""
        if self.mask is not None:
            x = x.masked_fill(~self.mask.unsqueeze(-1), 0)
        elif self.places is not None:
            padded = x.new_zeros(self.shape[0] * self.shape[1], *x.shape[2:])
            x = padded.index_copy(0, self.places, x.squeeze(0)).unflatten(0, self.shape)
        return x[:, : self.canvas]

    def spread(self, vectors: Tensor) -> Tensor:
        """Condition vectors ``[B * G, C]`` to their tokens: ``[B, 1, C]``, or one a token."""
        return vectors.unsqueeze(1) if self.rows is None else vectors[self.rows]

    def of_samples(self, values: Tensor) -> Tensor:
        """A value a sample ``[B]`` to their tokens: ``[B, 1, 1]``, or packed ``[1, N, 1]``."""
        if self.places is None:
            return values[:, None, None]
        return values[self.places // self.shape[1]][None, :, None]

    def samples(self, device: torch.device) -> Tensor:
        """``[N]``: the sample of each token that the blocks see."""
        index = torch.arange(self.shape[0], device=device).unsqueeze(-1)
        return self.pack(index.expand(self.shape)).flatten()

    def segments(self, device: torch.device) -> Segments:
        """The samples as segments of all tokens that the blocks see."""
        return Segments.of((self.shape[1],) * self.shape[0], device) if self.pairs is None else self.pairs.queries


def groups_of(tokens: Tokens, count: int) -> Tensor | None:
    """The group of each token ``[B, L]``; None where there is but one.

    Raises:
        ValueError: for several groups of tokens that do not say theirs.
    """
    if count > 1 and tokens.groups is None:
        raise ValueError(
            f"got conditions for {count} groups, but tokens without groups; "
            "give Tokens.groups, or one pooled condition a sample."
        )
    return tokens.groups if count > 1 else None


def _length_scales(mask: Tensor, base: int) -> Tensor:
    """``[B]``, of the real tokens of each sample."""
    return torch.tensor([_length_scale(length, base) for length in mask.sum(1).tolist()], device=mask.device)


def _length_scale(length: int, base: int) -> float:
    """sqrt(log_base(L)): keeps attention as sharp when the number of tokens changes (the released sampler)."""
    if base < 2:
        raise ValueError(f"proportional attention needs a trained size of at least 2 tokens, got {base}.")
    return math.sqrt(math.log(max(length, 2)) / math.log(base))
