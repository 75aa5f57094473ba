"""The metrics of one evaluation run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lumina.data.batches import select
from lumina.interfaces import DataModule, SampleMetric
from lumina.metrics.not_finite import NotFinite
from lumina.values import Batch


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of all metrics.

    Attributes:
        values: results by name.
        failures: the reason for each missing result, by name.
        not_finite: number of samples of this process with NaN or infinity.
    """

    values: dict[str, float]
    failures: dict[str, str]
    not_finite: int = 0


class MetricSuite(nn.ModuleList):
    """Passes the finite samples to every metric and collects the results.

    Metrics compute in the precision of the samples: the trainer's mixed precision does not reach them.

    Args:
        metrics: the metrics of the evaluation run.
    """

    def __init__(self, metrics: Iterable[SampleMetric] = ()) -> None:
        super().__init__(metrics)
        self._strange = NotFinite()

    def __iter__(self) -> Iterator[SampleMetric]:
        """Iterates over the metrics."""
        return super().__iter__()  # type: ignore[return-value]  # all entries are metrics

    def prepare(self, data: DataModule) -> None:
        """Prepares the metrics' reference data."""
        with _whole_precision():
            for metric in self:
                metric.prepare(data)

    def update(self, samples: Any, batch: Batch) -> None:
        """Adds one batch; samples with NaN or infinity are counted and left out.

        Args:
            samples: what `Modality.decode` returned.
            batch: contains the conditions of the samples.
        """
        finite = self._strange.sift(samples, batch.get("name"))
        any_finite = bool(finite.any())
        if not bool(finite.all()):
            samples, batch = select(samples, finite), select(batch, finite)
        for metric in self:
            metric.taken += int(finite.sum())
            metric.missed += int((~finite).sum())
            if any_finite:
                with _whole_precision():
                    metric.update(samples, batch)

    def compute(self) -> Evaluation:
        """Computes and resets all metrics; warns about samples left out and missing results."""
        strange, self._strange = self._strange, NotFinite()
        if strange.names:
            warnings.warn(strange.message("are no part of the results"), stacklevel=2)
        values: dict[str, float] = {}
        failures: dict[str, str] = {}
        for metric in self:
            with _whole_precision():
                values |= metric.compute()
            failures |= {f"{type(metric).__name__}: {part}": reason for part, reason in metric.failures.items()}
            metric.reset()
        for name, reason in failures.items():
            warnings.warn(f"Not computed: {name}, because {reason}", stacklevel=2)
        return Evaluation(values, failures, len(strange.names))


def _whole_precision() -> ExitStack:
    """No autocast on any device: half precision would round what a metric compares, such as local means in SSIM."""
    stack = ExitStack()
    for device in ("cpu", "cuda"):
        stack.enter_context(torch.autocast(device, enabled=False))
    return stack
