"""The data loader of every split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from torch.utils.data import DataLoader

from lumina.data.corrupt import CorruptCount
from lumina.data.sampler import RankSampler
from lumina.data.samples import Sample, Samples
from lumina.data.workers import TIMEOUT, waiting
from lumina.values import Item


class Loader(DataLoader[Sample]):
    """A loader that resumes exactly, on any rank and with any number of workers.

    Samples are pure functions of their keys, so the state is a position in the `RankSampler`'s order: that of the last
    yielded batch, regardless of what the workers have prefetched. torchdata's StatefulDataLoader also stores the state
    of each worker, so it cannot resume with another number of workers.

    Args:
        corrupt: counts unreadable samples.
        data: name of the data set, for the counts.
        options: options of torch's ``DataLoader``.
    """

    def __init__(self, corrupt: CorruptCount, data: str, **options: Any) -> None:
        self.corrupt, self.data = corrupt, data
        super().__init__(**options)

    @property
    def samples(self) -> Samples:
        """The dataset, typed as `Samples`."""
        return cast(Samples, self.dataset)

    def __iter__(self) -> Iterator[Item]:  # type: ignore[override]  # as a generator, it starts at the first batch
        batches = super().__iter__()
        while (batch := self._next(batches)) is not None:
            if isinstance(self.sampler, RankSampler):
                self.sampler.advance()
            self.corrupt.add(self.data, *batch.pop("tried"))
            yield batch

    def _next(self, batches: Iterator[Item]) -> Item | None:
        with waiting(TIMEOUT if self.num_workers else 0):
            return next(batches, None)

    def state_dict(self) -> dict[str, Any]:
        """The sampler's state; empty if Lightning has replaced the sampler (overfit_batches)."""
        return self.sampler.state_dict() if isinstance(self.sampler, RankSampler) else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the next iteration continue after ``state``."""
        if isinstance(self.sampler, RankSampler):
            self.sampler.load_state_dict(state)
