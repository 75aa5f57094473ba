"""Memory layout of a batch of tokens inside the blocks.

A batch without padding stays ``[B, L, D]``. Otherwise the real tokens of all samples are packed into one sequence
``[1, N, D]``: linear layers process only real tokens and attention runs within segments. Padding costs nothing and
cannot influence the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.backbone.varlen import Pairs, Segments
from lumina.values import Tokens, known_lengths, real


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Memory layout of a batch.

    Attributes:
        shape: (B, L) of the padded batch.
        mask: ``[B, L]``, True = real, if padding is computed too; None = there is no padding, or the batch is packed.
        indices: ``[N]`` flat indices of the real tokens in the padded batch; None = not packed.
        pairs: one segment per sample that attends to itself; None = not packed.
        rows: index of each token's condition vector, ``[B, L]`` or ``[1, N]``; None = one vector per sample, broadcast.
        query_scale: factor on the queries of self-attention (proportional attention); None = 1.
        canvas: number of noisy tokens, which come first; the rest is a clean prefix. None = all tokens are noisy.
    """

    shape: tuple[int, int]
    mask: Tensor | None = None
    indices: Tensor | None = None
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
            group_count: G, groups per sample; 1 = conditions per sample.
            proportional_base: see `lumina.values.Inference`.
            packed: leave out the padding; otherwise it is computed and masked.
            canvas: see the attribute.

        Raises:
            ValueError: there are conditions per group, but the tokens have no groups.
        """
        batch, length = tokens.features.shape[:2]
        mask = tokens.mask
        groups, rows = groups_of(tokens, group_count), None
        if groups is not None:
            rows = torch.arange(batch, device=groups.device).unsqueeze(-1) * group_count + groups
        # without a mask nothing is counted: a tuple as long as the batch would fix its size in an exported program
        lengths = () if mask is None else counts(tokens.features, mask, tokens.lengths)
        if mask is None or sum(lengths) == batch * length:
            scale = None if proportional_base is None else _length_scale(canvas or length, proportional_base)
            return cls(shape=(batch, length), rows=rows, query_scale=scale, canvas=canvas)
        scales = None if proportional_base is None else _length_scales(mask[:, :canvas], proportional_base)
        if not packed:
            factors = None if scales is None else scales.view(-1, 1, 1, 1)
            return cls(shape=(batch, length), mask=mask, rows=rows, query_scale=factors, canvas=canvas)
        segments, indices = Segments.of(lengths, mask.device), real_indices(mask, sum(lengths))
        rows = indices // length if rows is None else rows.flatten()[indices]
        return cls(
            shape=(batch, length),
            indices=indices,
            pairs=Pairs(queries=segments, keys=segments),
            rows=rows.unsqueeze(0),
            query_scale=None if scales is None else scales[indices // length].view(1, -1, 1, 1),
            canvas=canvas,
        )

    def pack(self, x: Tensor) -> Tensor:
        """Packs ``[B, L, ...]``, or ``[1, L, ...]`` shared by the batch, into the layout of the blocks."""
        if self.indices is None:
            return x
        return x.expand(*self.shape, *x.shape[2:]).flatten(0, 1)[self.indices].unsqueeze(0)

    def unpack(self, x: Tensor) -> Tensor:
        """The reverse of `pack`; padding comes back as zeros, a prefix not at all."""
        if self.mask is not None:
            x = x.masked_fill(~self.mask.unsqueeze(-1), 0)
        elif self.indices is not None:
            padded = x.new_zeros(self.shape[0] * self.shape[1], *x.shape[2:])
            x = padded.index_copy(0, self.indices, x.squeeze(0)).unflatten(0, self.shape)
        return x[:, : self.canvas]

    def spread(self, vectors: Tensor) -> Tensor:
        """Broadcasts condition vectors ``[B * G, C]`` to the tokens: ``[B, 1, C]``, or one vector per token."""
        return vectors.unsqueeze(1) if self.rows is None else vectors[self.rows]

    def of_samples(self, values: Tensor) -> Tensor:
        """Broadcasts one value per sample ``[B]`` to the tokens: ``[B, 1, 1]``, or packed ``[1, N, 1]``."""
        if self.indices is None:
            return values[:, None, None]
        return values[self.indices // self.shape[1]][None, :, None]

    def samples(self, device: torch.device) -> Tensor:
        """Index ``[N]`` of each token's sample, in the layout of the blocks."""
        index = torch.arange(self.shape[0], device=device).unsqueeze(-1)
        return self.pack(index.expand(self.shape)).flatten()

    def segments(self, device: torch.device) -> Segments:
        """The samples as segments of the tokens, in the layout of the blocks."""
        return Segments.of((self.shape[1],) * self.shape[0], device) if self.pairs is None else self.pairs.queries


def counts(sequence: Tensor, mask: Tensor | None, lengths: tuple[int, ...] | None) -> tuple[int, ...]:
    """Number of real elements of each sample of ``sequence [B, L, ...]``; reads the mask if ``lengths`` is None."""
    known = known_lengths(sequence, mask, lengths)
    return tuple(real(sequence, mask).sum(1).tolist()) if known is None else known


def real_indices(mask: Tensor, count: int) -> Tensor:
    """``[count]``, flat indices of the ``count`` real elements of ``mask [B, L]``."""
    return mask.flatten().nonzero_static(size=count).squeeze(-1)


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
    """`_length_scale` of each sample's number of real tokens, ``[B]``."""
    return torch.tensor([_length_scale(length, base) for length in mask.sum(1).tolist()], device=mask.device)


def _length_scale(length: int, base: int) -> float:
    """``sqrt(log_base(L))``: keeps the sharpness of attention for L tokens, as in the released sampler."""
    if base < 2:
        raise ValueError(f"proportional attention needs a trained size of at least 2 tokens, got {base}.")
    return math.sqrt(math.log(max(length, 2)) / math.log(base))
