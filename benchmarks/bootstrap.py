"""Bootstrap estimates of the variation of a measure over prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.randomness import Purpose, keyed_generator

Statistic = Callable[[Tensor], float]
"""A number of the prompts whose indices ``[N]`` it is given, repetitions among them."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number of all prompts.

    Attributes:
        value: the number.
        draws: ``[R]``, the same of so many resampled sets of prompts.
    """

    value: float
    draws: Tensor

    @property
    def error(self) -> float:
        """Standard error."""
        return self.draws.std().item()

    def __sub__(self, other: Estimate) -> Estimate:
        """The difference; the prompts being the same, what they have in common goes out."""
        return Estimate(self.value - other.value, self.draws - other.draws)

    def __format__(self, digits: str) -> str:
        return f"{self.value:{digits}} ± {self.error:{digits}}"

    def rounded(self) -> dict[str, float]:
        """For a JSON document."""
        return {"value": round(self.value, 5), "standard_error": round(self.error, 5)}


class Bootstrap:
    """Resamples prompts, in the same way for all numbers of a run.

    Args:
        prompts: N.
        draws: R.
    """

    def __init__(self, prompts: int, draws: int = 100) -> None:
        self._all = torch.arange(prompts)
        self._sets = torch.randint(prompts, (draws, prompts), generator=keyed_generator(Purpose.RESAMPLING))

    def __call__(self, statistic: Statistic) -> Estimate:
        """The number and its spread."""
        draws = torch.tensor([statistic(chosen) for chosen in self._sets], dtype=torch.float64)
        return Estimate(statistic(self._all), draws)
