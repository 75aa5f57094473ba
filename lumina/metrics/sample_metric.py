"""The seam between an evaluation run and a metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch.distributed
import torchmetrics
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

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

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None) -> None:
        """Gathers the states; a process that saw no sample takes part with nothing, as wide as what the others have."""
        states = {name: getattr(self, name) for name in self._reductions}
        mine = {name: state[0][:0].cpu() for name, state in states.items() if isinstance(state, list) and state}
        every: list[dict[str, Tensor]] = [{}] * torch.distributed.get_world_size(process_group)
        torch.distributed.all_gather_object(every, mine, process_group)
        for name, nothing in (item for one in every for item in one.items()):
            setattr(self, name, states[name] or [nothing.to(self.device)])
        super()._sync_dist(dist_sync_fn, process_group)

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> Self:
        """Moves the states, in their precision: ``bf16-true`` would have the sums in bfloat16."""

        def move(state: Tensor) -> Tensor:
            moved = fn(state)
            return moved if moved.dtype == state.dtype else state.to(moved.device)

        super()._apply(move, exclude_state)
        return self
