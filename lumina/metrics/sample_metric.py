"""The seam between an evaluation run and a metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import torchmetrics
from torch import Tensor

from lumina.data import DataModule
from lumina.interfaces import Batch


class SampleMetric(torchmetrics.Metric, ABC):
    """A metric over decoded outputs; `compute` returns named floats."""

    def prepare(self, data: DataModule) -> None:
        """Called before each evaluation, for references that need the data set; keeps what it found the first time."""

    @abstractmethod
    def update(self, generated: Any, batch: Batch) -> None:
        """Takes in one batch: what `Modality.decode` returned, and the batch whose conditions it was asked for."""

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """Named results."""

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> Self:
        """Moves the states, in their precision: ``bf16-true`` would have the sums in bfloat16."""

        def move(state: Tensor) -> Tensor:
            moved = fn(state)
            return moved if moved.dtype == state.dtype else state.to(moved.device)

        super()._apply(move, exclude_state)
        return self
