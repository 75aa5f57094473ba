"""Distributions of the training times."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.interfaces import TimeSampling
from lumina.randomness import Randomness, normal, uniform


class UniformTimes(TimeSampling):
    """The uniform distribution on (0, 1)."""

    def sample(self, count: int, generator: Randomness) -> Tensor:
        """``[count]`` float32 in (0, 1), on the generator's device."""
        return _open(uniform(generator, count))


class LogitNormal(TimeSampling):
    """``sigmoid(mean + std * n)`` with n from N(0, 1) (Esser et al., 2024): favours the middle of the path.

    Args:
        mean: values above 0 move the times towards data.
        std: smaller values concentrate the times around ``sigmoid(mean)``.

    Raises:
        ValueError: ``std`` is not positive.
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
    # rounding can give exactly 0 or 1, where some paths are singular
    epsilon = torch.finfo(t.dtype).eps
    return t.clamp(epsilon, 1 - epsilon)
