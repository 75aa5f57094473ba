"""Base class of the metrics: counts samples with NaN or infinity and reports failed results by name."""

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

    `MetricSuite` removes samples with NaN or infinity before `update` and counts them in ``missed``. Success rates
    count them as failures; all other results ignore them.

    Attributes:
        taken: ``[]`` int64, number of samples passed to `update`.
        missed: ``[]`` int64, number of samples with NaN or infinity.
        failures: results that the last `compute` could not compute, with the reasons.
    """

    taken: Tensor
    missed: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("taken", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("missed", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.failures: dict[str, str] = {}

    @property
    def update_called(self) -> bool:
        """Always True, to silence torchmetrics' warning about an evaluation without samples; see ``failures``."""
        return True

    @abstractmethod
    def results(self) -> dict[str, float]:
        """Results by name, over all samples of all processes; each part runs inside `attempt`."""

    def compute(self) -> dict[str, float]:
        """The finite results, and ``not_finite``, the number of samples left out, if it is not 0.

        ``failures`` lists the results that are missing.
        """
        self.failures = {}
        if self.missed and not self.taken:
            self.failures["all"] = f"each of the {int(self.missed)} samples holds NaN or infinity"
            return {}
        report: dict[str, float] = {}
        with self.attempt("all"):
            report = self.results()
        invalid = {name: value for name, value in report.items() if not math.isfinite(value)}
        self.failures |= {name: f"the result is {value}" for name, value in invalid.items()}
        missed = {"not_finite": float(self.missed)} if self.missed else {}
        return {name: value for name, value in report.items() if name not in invalid} | missed

    @contextmanager
    def attempt(self, part: str) -> Iterator[None]:
        """Runs a part of `results`; if it fails, the reason goes to ``failures`` and the other parts continue.

        Args:
            part: names of its results, for the user.
        """
        try:
            yield
        except (ValueError, ArithmeticError) as error:
            self.failures[part] = str(error)

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None) -> None:
        """Gathers the states; a process that saw no sample contributes an empty tensor of matching width."""
        states = {name: getattr(self, name) for name in self._reductions}
        local = {name: state[0][:0].cpu() for name, state in states.items() if isinstance(state, list) and state}
        gathered: list[dict[str, Tensor]] = [{}] * torch.distributed.get_world_size(process_group)
        torch.distributed.all_gather_object(gathered, local, process_group)
        for name, empty in (item for rank in gathered for item in rank.items()):
            setattr(self, name, states[name] or [empty.to(self.device)])
        super()._sync_dist(dist_sync_fn, process_group)

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> Self:
        """Moves the states but keeps their precision; ``bf16-true`` would otherwise convert sums to bfloat16."""

        def move(state: Tensor) -> Tensor:
            moved = fn(state)
            return moved if moved.dtype == state.dtype else state.to(moved.device)

        super()._apply(move, exclude_state)
        return self
