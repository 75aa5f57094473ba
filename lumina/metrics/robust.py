"""What all metrics of an evaluation share: samples that are no numbers are counted, failures are named."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
import torch.distributed
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lumina.interfaces import SampleMetric


class RobustMetric(SampleMetric):
    """A metric over decoded outputs.

    Samples that hold NaN or infinity never reach `update`; `MetricSuite` counts them in ``missed``. A share of
    successes counts them among its failures, all else is measured without them.

    Attributes:
        taken: ``[]`` int64, samples that `update` saw.
        missed: ``[]`` int64, samples that hold NaN or infinity.
        failures: what the last `compute` could not compute, and why.
    """

    taken: Tensor
    missed: Tensor

    def __init__(self) -> None:
        """Nothing is counted yet."""
        super().__init__()
        self.add_state("taken", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("missed", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.failures: dict[str, str] = {}

    @property
    def update_called(self) -> bool:
        """Always True: torchmetrics would warn of an evaluation without samples, which ``failures`` names."""
        return True

    @abstractmethod
    def results(self) -> dict[str, float]:
        """Named results of all samples of all processes; each part runs under `attempt`."""

    def compute(self) -> dict[str, float]:
        """The results that are numbers, and ``not_finite``, the samples left out, if there are any.

        What is missing is named in ``failures``.
        """
        self.failures = {}
        if self.missed and not self.taken:
            self.failures["all"] = f"each of the {int(self.missed)} samples holds NaN or infinity"
            return {}
        report: dict[str, float] = {}
        with self.attempt("all"):
            report = self.results()
        strange = {name: value for name, value in report.items() if not math.isfinite(value)}
        self.failures |= {name: f"the result is {value}" for name, value in strange.items()}
        missed = {"not_finite": float(self.missed)} if self.missed else {}
        return {name: value for name, value in report.items() if name not in strange} | missed

    @contextmanager
    def attempt(self, part: str) -> Iterator[None]:
        """Runs a part of `results`; where it fails, ``failures`` says why and the other parts go on.

        Args:
            part: the names of its results, as a user reads them.
        """
        try:
            yield
        except (ValueError, ArithmeticError) as error:
            self.failures[part] = str(error)

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None) -> None:
        """Gathers the states; a process that saw no sample contributes an empty tensor of matching width."""
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
