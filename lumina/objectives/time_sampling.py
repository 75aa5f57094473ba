"""Which times a training step sees."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.interfaces import TimeSampling
from lumina.randomness import Randomness, normal, uniform


class UniformTimes(TimeSampling):
    """Every time alike."""

    def sample(self, count: int, generator: Randomness) -> Tensor:
        """``[count]`` float32 in (0, 1), on the generator's device."""
        return _open(uniform(generator, count))


class LogitNormal(TimeSampling):
    """``sigmoid(mean + std * n)`` with a normal n (Esser et al. 2024): the middle of the path more often than its ends.

    Args:
        mean: above 0 for times nearer to data.
        std: the smaller, the more the times gather around ``sigmoid(mean)``.

    Raises:
        ValueError: if ``std`` is not positive.
    """

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        if std <= 0:
            raise ValueError(f"LogitNormal needs std > 0, got {std}: give a positive number")
        self.mean = mean
        self.std = std

    def sample(self, count: int, generator: Randomness) -> Tensor:
        """``[count]`` float32 in (0, 1), on the generator's device."""
        gaussian = normal(generator, count)
        return _open(torch.sigmoid(self.mean + self.std * gaussian))


def _open(t: Tensor) -> Tensor:
    # Rounding puts draws on 0 and 1 themselves, where some paths have a singularity.
    epsilon = torch.finfo(t.dtype).eps
    return t.clamp(epsilon, 1 - epsilon)
