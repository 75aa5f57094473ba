"""Joins noisy tokens and a clean prefix into one sequence for the blocks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.backbone.layout import groups_of
from lumina.values import Conditioning, Prefix, Tokens, is_shared, real


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A sequence of embedded tokens.

    Attributes:
        x: ``[B, L, D]``.
        tokens: positions, mask and groups; the features are not used.
        group_count: G, condition vectors per sample.
        origin: ``[B, L]``, index of each noisy token after the insertion of line tokens; None = no line tokens.
        canvas: number of noisy tokens, which come first; None = all tokens are noisy.
    """

    x: Tensor
    tokens: Tokens
    group_count: int = 1
    origin: Tensor | None = None
    canvas: int | None = None


def check_prefix(prefix: Prefix, tokens: Tokens) -> None:
    """Refuses a prefix whose shape does not match the noisy ``tokens``.

    Raises:
        ValueError: states the actual and the expected shape.
    """
    batch, _, width = tokens.features.shape
    expected = (batch, width, tokens.positions.shape[-1])
    got = (len(prefix.tokens.features), prefix.tokens.features.shape[-1], prefix.tokens.positions.shape[-1])
    if got != expected:
        raise ValueError(
            "a prefix must have the samples, token width and position axes of the noisy tokens: expected "
            f"{expected}, got {got}."
        )
    if prefix.grouped is not None and prefix.grouped.shape[1] != len(prefix.times):
        raise ValueError(
            f"a prefix has vectors for {prefix.grouped.shape[1]} groups, but times for {len(prefix.times)}: give one "
            "vector and one time per group."
        )


def join(noisy: Sequence, prefix: Sequence) -> Sequence:
    """Appends the prefix to the noisy tokens; its groups are numbered after theirs.

    Raises:
        ValueError: there are several groups, but the tokens have no groups.
    """
    first, second = noisy.tokens, prefix.tokens
    mask = lengths = None
    if first.mask is not None or second.mask is not None:
        mask = torch.cat((real(first.features, first.mask), real(second.features, second.mask)), 1)
        if first.known_lengths is not None and second.known_lengths is not None:
            lengths = tuple(map(sum, zip(first.known_lengths, second.known_lengths, strict=True)))
    groups = _groups(first, noisy.group_count), _groups(second, prefix.group_count) + noisy.group_count
    x = torch.cat((noisy.x, prefix.x), 1)
    return Sequence(
        x=x,
        tokens=Tokens(
            features=x,
            positions=_along(first.positions, second.positions),
            mask=mask,
            lengths=lengths,
            groups=torch.cat(groups, 1),
            locate=first.locate,
        ),
        group_count=noisy.group_count + prefix.group_count,
        origin=noisy.origin,
        canvas=noisy.x.shape[1],
    )


def before(tokens: Tokens) -> Tensor:
    """Sequence indices ``[B, P, 1]`` of tokens that precede a sequence starting at 0; the last index is -1."""
    index = torch.arange(tokens.features.shape[1], device=tokens.features.device)[None, :, None]
    count = len(index[0]) if tokens.mask is None else tokens.mask.sum(1)[:, None, None]
    return (index - count).expand(tokens.features.shape[0], -1, -1)


def group_count(cond: Conditioning) -> int:
    """G, the number of groups of the noisy tokens."""
    return 1 if cond.grouped is None else cond.grouped.shape[1]


def _groups(tokens: Tokens, count: int) -> Tensor:
    groups = groups_of(tokens, count)
    shape, device = tokens.features.shape[:2], tokens.features.device
    return torch.zeros(shape, dtype=torch.long, device=device) if groups is None else groups


def _along(first: Tensor, second: Tensor) -> Tensor:
    if is_shared(first) and is_shared(second):
        return torch.cat((first[:1], second[:1]), 1).expand(len(first), -1, -1)
    return torch.cat((first, second), 1)
