"""Prefixes of clean tokens: dropping, padding with empty prefixes, and merging those of several conditioners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lumina.values import Prefix, Tokens, on_device, real


def drop(prefix: Prefix, keep: Tensor) -> Prefix:
    """Masks all prefix tokens of the samples whose ``keep [B]`` is False."""
    tokens = prefix.tokens
    mask = real(tokens.features, tokens.mask) & keep.unsqueeze(1)
    return replace(prefix, tokens=replace(tokens, mask=mask, lengths=None))


def kept_of(prefix: Prefix, keep: Sequence[bool]) -> Prefix:
    """Same as `drop` for flags known to the host."""
    if all(keep):
        return prefix
    lengths = prefix.tokens.known_lengths
    dropped = drop(prefix, on_device(keep, prefix.tokens.features.device, torch.bool))
    if lengths is not None:
        known = tuple(length * kept for length, kept in zip(lengths, keep, strict=True))
        dropped = replace(dropped, tokens=replace(dropped.tokens, lengths=known))
    return dropped


def absent(like: Prefix, count: int) -> Prefix:
    """An empty prefix for ``count`` samples: fully masked, with the length and groups of ``like``."""
    tokens, grouped = like.tokens, like.grouped
    return Prefix(
        tokens=Tokens(
            features=_zeros(tokens.features, count),
            positions=_zeros(tokens.positions, count),
            mask=_zeros(real(tokens.features, tokens.mask), count),
            lengths=(0,) * count,
            groups=None if tokens.groups is None else _zeros(tokens.groups, count),
        ),
        grouped=None if grouped is None else _zeros(grouped, count),
        times=like.times,
    )


def merge(parts: Sequence[Prefix]) -> Prefix | None:
    """Joins the prefixes of several conditioners and renumbers their groups; None if there is no prefix."""
    if len(parts) < 2:
        return parts[0] if parts else None
    masked = any(part.tokens.mask is not None for part in parts)
    lengths = [known for part in parts if (known := part.tokens.known_lengths) is not None]
    tokens = Tokens(
        features=torch.cat([part.tokens.features for part in parts], 1),
        positions=torch.cat([part.tokens.positions for part in parts], 1),
        mask=torch.cat([real(part.tokens.features, part.tokens.mask) for part in parts], 1) if masked else None,
        lengths=tuple(map(sum, zip(*lengths, strict=True))) if masked and len(lengths) == len(parts) else None,
        groups=torch.cat(_renumbered(parts), 1),
    )
    grouped = None
    if any(part.grouped is not None for part in parts):
        width = next(part.grouped for part in parts if part.grouped is not None)
        grouped = torch.cat([_vectors(part, width) for part in parts], 1)
    times = tuple(time for part in parts for time in part.times)
    return Prefix(tokens=_real_first(tokens), grouped=grouped, times=times)


def _renumbered(parts: Sequence[Prefix]) -> list[Tensor]:
    groups, first = [], 0
    for part in parts:
        tokens = part.tokens
        own = torch.zeros_like(tokens.features[..., 0], dtype=torch.long) if tokens.groups is None else tokens.groups
        groups.append(own + first)
        first += len(part.times)
    return groups


def _vectors(part: Prefix, like: Tensor) -> Tensor:
    return like.new_zeros(len(like), len(part.times), like.shape[2]) if part.grouped is None else part.grouped


def _real_first(tokens: Tokens) -> Tokens:
    """Moves padding between parts to the end of the sequence."""
    if tokens.mask is None:
        return tokens
    order = tokens.mask.logical_not().byte().argsort(dim=1, stable=True)

    def sort(x: Tensor) -> Tensor:
        return x.take_along_dim(order.view(*order.shape, *(1,) * (x.dim() - 2)), 1)

    return Tokens(
        features=sort(tokens.features),
        positions=sort(tokens.positions),
        mask=sort(tokens.mask),
        lengths=tokens.lengths,
        groups=None if tokens.groups is None else sort(tokens.groups),
    )


def _zeros(x: Tensor, count: int) -> Tensor:
    return x.new_zeros(count, *x.shape[1:])
