"""The metrics of an evaluation run, together."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from lumina.data.batches import select
from lumina.interfaces import DataModule, SampleMetric
from lumina.metrics.not_finite import NotFinite
from lumina.values import Batch


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the metrics found.

    Attributes:
        values: results, by name.
        failures: why a result is missing, by its name.
        not_finite: samples of this process that hold NaN or infinity.
    """

    values: dict[str, float]
    failures: dict[str, str]
    not_finite: int = 0


class MetricSuite(nn.ModuleList):
    """Feeds each metric with the samples that are numbers, and reports what can be computed.

    Args:
        metrics: of one evaluation run.
    """

    def __init__(self, metrics: Iterable[SampleMetric] = ()) -> None:
        super().__init__(metrics)
        self._strange = NotFinite()

    def __iter__(self) -> Iterator[SampleMetric]:
        """The metrics."""
        return super().__iter__()  # type: ignore[return-value]  # a list of just these

    def prepare(self, data: DataModule) -> None:
        """Gives the metrics their references."""
        for metric in self:
            metric.prepare(data)

    def update(self, samples: Any, batch: Batch) -> None:
        """Takes in one batch; samples that hold NaN or infinity are counted, and kept from the metrics.

        Args:
            samples: what `Modality.decode` returned.
            batch: whose conditions it was asked for.
        """
        finite = self._strange.sift(samples, batch.get("name"))
        some = bool(finite.any())
        if not bool(finite.all()):
            samples, batch = select(samples, finite), select(batch, finite)
        for metric in self:
            metric.taken += int(finite.sum())
            metric.missed += int((~finite).sum())
            if some:
                metric.update(samples, batch)

    def compute(self) -> Evaluation:
        """What the metrics found since the last time; warns of samples left out and of results that are missing."""
        strange, self._strange = self._strange, NotFinite()
        if strange.names:
            warnings.warn(strange.told("are no part of the results"), stacklevel=2)
        values: dict[str, float] = {}
        failures: dict[str, str] = {}
        for metric in self:
            values |= metric.compute()
            failures |= {f"{type(metric).__name__}: {part}": reason for part, reason in metric.failures.items()}
            metric.reset()
        for name, reason in failures.items():
            warnings.warn(f"Not computed: {name}, because {reason}", stacklevel=2)
        return Evaluation(values, failures, len(strange.names))
