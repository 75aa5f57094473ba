"""Nearest neighbours among features."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

AT_ONCE = 1024  # rows
COPY = 0.05
"""Share of the real sounds whose nearest neighbour is so near that a generated sound as near counts as a copy."""


class Nearest(NamedTuple):
    """The nearest row of a reference.

    Attributes:
        distance: ``[N]`` float64, one minus the cosine.
        place: ``[N]`` int64, its number.
    """

    distance: Tensor
    place: Tensor


def nearest(rows: Tensor, reference: Tensor) -> Nearest:
    """For each of ``rows [N, D]`` the nearest of ``reference [M, D]``, on the CPU."""
    theirs = _directions(reference)
    parts = [(1 - part @ theirs.mT).min(1) for part in _directions(rows).split(AT_ONCE)]
    return Nearest(torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts]))


def nearest_other(rows: Tensor) -> Nearest:
    """For each of ``rows [N, D]`` the nearest of the others (leave one out), on the CPU."""
    ours = _directions(rows)
    distances, indices = [], []
    for start in range(0, len(ours), AT_ONCE):
        part = 1 - ours[start : start + AT_ONCE] @ ours.mT
        part[torch.arange(len(part)), torch.arange(start, start + len(part))] = torch.inf
        found = part.min(1)
        distances.append(found.values)
        indices.append(found.indices)
    return Nearest(torch.cat(distances), torch.cat(indices))


def copies(found: Nearest, among: Nearest) -> int:
    """How many sounds are nearer to a real one than all but `COPY` of the real ones are to each other.

    Args:
        found: the nearest real sound of each sound.
        among: of each real sound, the nearest of the others.
    """
    return int((found.distance < among.distance.quantile(COPY)).sum())


def _directions(rows: Tensor) -> Tensor:
    return F.normalize(rows.cpu().double())
