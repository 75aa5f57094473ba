"""Clean tokens beside the noisy ones, as one sequence that the blocks see."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.backbone.layout import groups_of
from lumina.values import Conditioning, Prefix, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Embedded tokens and their places.

    Attributes:
        x: ``[B, L, D]``.
        tokens: their places; the features say nothing.
        group_count: G, rows of the condition vectors that each sample has.
        origin: ``[B, L]``, where line tokens moved each noisy token; None = nowhere.
        canvas: so many tokens, the first, are noisy; None = all.
    """

    x: Tensor
    tokens: Tokens
    group_count: int = 1
    origin: Tensor | None = None
    canvas: int | None = None


def check_prefix(prefix: Prefix, tokens: Tokens) -> None:
    """Refuses a prefix that does not go with the noisy ``tokens``.

    Raises:
        ValueError: saying what was got and what is expected.
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
            "of each for every group."
        )


def join(noisy: Sequence, prefix: Sequence) -> Sequence:
    """The noisy tokens, and behind them the prefix, whose groups follow theirs.

    Raises:
        ValueError: for several groups of tokens that do not say theirs.
    """
    ours, theirs = noisy.tokens, prefix.tokens
    mask = None
    if ours.mask is not None or theirs.mask is not None:
        mask = torch.cat((_real(ours), _real(theirs)), 1)
    groups = _groups(ours, noisy.group_count), _groups(theirs, prefix.group_count) + noisy.group_count
    x = torch.cat((noisy.x, prefix.x), 1)
    return Sequence(
        x=x,
        tokens=Tokens(
            features=x,
            positions=_along(ours.positions, theirs.positions),
            mask=mask,
            groups=torch.cat(groups, 1),
            locate=ours.locate,
        ),
        group_count=noisy.group_count + prefix.group_count,
        origin=noisy.origin,
        canvas=noisy.x.shape[1],
    )


def before(tokens: Tokens) -> Tensor:
    """Indices ``[B, P, 1]`` in a sequence, up to -1, of tokens before another that begins at 0."""
    index = torch.arange(tokens.features.shape[1], device=tokens.features.device)[None, :, None]
    count = len(index[0]) if tokens.mask is None else tokens.mask.sum(1)[:, None, None]
    return (index - count).expand(len(tokens.features), -1, -1)


def group_count(cond: Conditioning) -> int:
    """G, groups of the noisy tokens."""
    return 1 if cond.grouped is None else cond.grouped.shape[1]


def _groups(tokens: Tokens, count: int) -> Tensor:
    groups = groups_of(tokens, count)
    shape, device = tokens.features.shape[:2], tokens.features.device
    return torch.zeros(shape, dtype=torch.long, device=device) if groups is None else groups


def _real(tokens: Tokens) -> Tensor:
    shape, device = tokens.features.shape[:2], tokens.features.device
    return torch.ones(shape, dtype=torch.bool, device=device) if tokens.mask is None else tokens.mask


def _along(first: Tensor, second: Tensor) -> Tensor:
    if first.stride(0) == second.stride(0) == 0:  # shared by the batch: stays so, and one rotary table serves all
        return torch.cat((first[:1], second[:1]), 1).expand(len(first), -1, -1)
    return torch.cat((first, second), 1)
