"""Fewer points of a cloud: at random, or spread evenly."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def random_subset(points: Tensor, count: int, generator: Generator) -> Tensor:
    """``[count, 3]`` of ``points [P, 3]``, each at most once; all of them, as they are, where P is ``count``."""
    if len(points) == count:
        return points
    return points[torch.randperm(len(points), generator=generator)[:count]]


def farthest_subset(points: Tensor, count: int) -> Tensor:
    """``[count, 3]`` of ``points [P, 3]``: the first one, then each time the point farthest from all chosen ones.

    Its beginnings are spread evenly too. P ``count`` distances are computed.
    """
    chosen = torch.zeros(count, dtype=torch.int64)
    distance = torch.full((len(points),), torch.inf, dtype=points.dtype)
    for place in range(1, count):
        distance = torch.minimum(distance, (points - points[chosen[place - 1]]).square().sum(1))
        chosen[place] = distance.argmax()
    return points[chosen]
