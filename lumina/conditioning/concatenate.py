"""Concatenates two batches, so guidance takes one evaluation of a longer batch."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lumina.conditioning.prefixes import absent
from lumina.values import Conditioning, Prefix, Tokens, is_shared, known_lengths, real


def concatenate(first: Conditioning, second: Conditioning) -> Conditioning:
    """Joins two conditions along the batch; shorter sequences are padded and masked.

    If only one of them has regions, the whole text of the other becomes one region. If only one has a prefix, the
    prefix of the other is empty.

    Args:
        first: conditions of B1 samples.
        second: conditions of B2 samples with the same routes.

    Returns:
        Conditions of B1 + B2 samples; a mask stays None if there is no padding.

    Raises:
        ValueError: one has a route that the other lacks.
    """
    first, second = _with_regions(first, second), _with_regions(second, first)
    return Conditioning(
        cross=_join("cross", first.cross, second.cross),
        cross_mask=_join_masks(first.cross, first.cross_mask, second.cross, second.cross_mask),
        cross_lengths=_join_lengths(_text_lengths(first), _text_lengths(second)),
        regions=_join("regions", first.regions, second.regions),
        cross_regions=_join("cross_regions", first.cross_regions, second.cross_regions),
        pooled=_join("pooled", first.pooled, second.pooled),
        grouped=_join("grouped", first.grouped, second.grouped),
        prefix=_join_prefixes(first, second),
    )


def concatenate_tokens(first: Tokens, second: Tokens) -> Tokens:
    """Joins two sets of tokens along the batch; shorter sequences are padded and masked.

    Args:
        first: tokens of B1 samples.
        second: tokens of B2 samples with as many position axes.

    Returns:
        Tokens of B1 + B2 samples; the mask stays None if there is no padding.

    Raises:
        ValueError: only one of them has groups.
    """
    return Tokens(
        features=_pad_and_join(first.features, second.features),
        positions=_pad_and_join(first.positions, second.positions),
        mask=_join_masks(first.features, first.mask, second.features, second.mask),
        lengths=_join_lengths(first.known_lengths, second.known_lengths),
        groups=_join("groups", first.groups, second.groups),
        locate=first.locate,
    )


def _join_prefixes(first: Conditioning, second: Conditioning) -> Prefix | None:
    one, other = first.prefix, second.prefix
    if one is None:
        if other is None:
            return None
        one = absent(other, _count(first, len(other.tokens.features)))
    elif other is None:
        other = absent(one, _count(second, len(one.tokens.features)))
    if one.times != other.times:
        raise ValueError(f"the groups of two prefixes to join have different times: {one.times} and {other.times}.")
    return Prefix(
        tokens=concatenate_tokens(one.tokens, other.tokens),
        grouped=_join("prefix.grouped", one.grouped, other.grouped),
        times=one.times,
    )


def _count(cond: Conditioning, otherwise: int) -> int:
    """B, where a condition says it."""
    stated = [part for part in (cond.cross, cond.pooled, cond.grouped) if part is not None]
    return len(stated[0]) if stated else otherwise


def _with_regions(cond: Conditioning, other: Conditioning) -> Conditioning:
    if other.regions is None or cond.regions is not None or cond.cross is None:
        return cond
    count, size = cond.cross.shape[:2]
    return replace(
        cond,
        regions=other.regions.new_zeros(count, other.regions.shape[1]),
        cross_regions=other.regions.new_zeros(count, size),
    )


def _join(name: str, first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None and second is None:
        return None
    if first is None or second is None:
        lacking = "first" if first is None else "second"
        raise ValueError(f"only one of two batches to join has {name!r}, the {lacking} lacks it: give both or neither")
    return _pad_and_join(first, second)


def _join_masks(
    first: Tensor | None, first_mask: Tensor | None, second: Tensor | None, second_mask: Tensor | None
) -> Tensor | None:
    if first is None or second is None:
        return None
    if first_mask is None and second_mask is None and first.shape[1] == second.shape[1]:
        return None
    return _pad_and_join(real(first, first_mask), real(second, second_mask))


def _join_lengths(first: tuple[int, ...] | None, second: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return None if first is None or second is None else first + second


def _text_lengths(cond: Conditioning) -> tuple[int, ...] | None:
    return None if cond.cross is None else known_lengths(cond.cross, cond.cross_mask, cond.cross_lengths)


def _pad_and_join(first: Tensor, second: Tensor) -> Tensor:
    length = max(first.shape[1], second.shape[1])
    if _is_one(first, second):
        return first[:1].expand(len(first) + len(second), *first.shape[1:])
    return torch.cat((_pad(first, length), _pad(second, length)))


def _is_one(first: Tensor, second: Tensor) -> bool:
    """Whether all samples of both are one and the same memory."""
    alike = first.shape[1:] == second.shape[1:] and first.stride() == second.stride()
    return alike and is_shared(first) and is_shared(second) and first.data_ptr() == second.data_ptr()


def _pad(x: Tensor, length: int) -> Tensor:
    return torch.cat((x, x.new_zeros(x.shape[0], length - x.shape[1], *x.shape[2:])), dim=1)
