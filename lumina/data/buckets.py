"""Batches from one bucket each (a picture size, a duration); all processes use the same bucket in a step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from lumina.data.mixture import Mixture
from lumina.data.sampler import BLANK, Key, RankSampler
from lumina.randomness import Purpose, keyed_generator


class BucketSampler(RankSampler):
    """A `RankSampler` that draws every batch from one bucket.

    Training shuffles the samples and then the batches with (seed, epoch). All ranks use the same bucket in a step.
    Each bucket drops the samples that do not fill its last step, different ones in every epoch. Evaluation goes
    through the buckets in order and drops nothing: the last batch of a bucket is shorter (padded with `BLANK` keys,
    for which nothing is read). If the samples do not divide evenly among the ranks, the last ranks get one filler.

    The order depends on the batch size and the number of processes, so the state records the step size with which
    samples were served. A run resumed with another step size continues with the samples not yet served.

    Args:
        buckets: ``[N]`` int64 >= 0, the bucket of each sample.
        batch_size: samples in a batch of one rank.
        train: use the rules of training, not those of evaluation.
        seed: seed of the order.
        rank: index of this process among the data-parallel processes.
        world: number of data-parallel processes.
        mixture: of `RankSampler`, with these buckets.

    Attributes:
        past: ``(step, samples)`` for each part of this epoch that was served with another step size.

    Raises:
        ValueError: in training, if no bucket fills a step.
    """

    def __init__(
        self,
        buckets: Tensor,
        batch_size: int,
        *,
        train: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        mixture: Mixture | None = None,
    ) -> None:
        super().__init__(len(buckets), batch_size, train=train, seed=seed, rank=rank, world=world, mixture=mixture)
        self.buckets = buckets
        served = buckets if mixture is None else buckets[mixture.chosen(0)]
        self.counts = torch.bincount(served, minlength=int(buckets.max()) + 1)
        self.past: list[tuple[int, int]] = []
        self._pending: list[tuple[int, int]] = []
        if train:
            self._check(batch_size)

    def _check(self, batch_size: int) -> None:
        small = self.counts[(self.counts > 0) & (self.counts < self.step)]
        takes = f"one step takes {self.step} (batch_size {batch_size} on {self.num_replicas} process(es))"
        if int(self.counts.max()) < self.step:
            most = int(self.counts.max())
            raise ValueError(
                f"The largest of {len(small)} buckets has {most} samples, but {takes}: set data.batch_size to at most "
                f"{most // self.num_replicas}, or use fewer buckets."
            )
        if len(small):
            warnings.warn(
                f"{int(small.sum())} of {self.size} samples are never trained on: their {len(small)} buckets have "
                f"fewer samples than a step, and {takes}. Lower data.batch_size, or use fewer buckets.",
                stacklevel=4,
            )

    def plan(self, epoch: int) -> Tensor:
        """The training order of ``epoch``, ``[n]`` int64: whole steps of one bucket each."""
        left = super().plan(epoch)
        for step, samples in self.past:
            served = self._steps(left, step, epoch)[:samples]
            left = left[~torch.isin(left, served)]
        return self._steps(left, self.step, epoch)

    def _steps(self, order: Tensor, step: int, epoch: int) -> Tensor:
        members = self._members(order)
        steps = torch.cat([own[: len(own) // step * step].view(-1, step) for own in members])
        return steps[
            torch.randperm(len(steps), generator=keyed_generator(Purpose.STEPS, self.seed, epoch, len(order)))
        ].flatten()

    def _members(self, order: Tensor) -> list[Tensor]:
        """The samples of ``order``, grouped by bucket."""
        buckets = self.buckets[order]
        by_bucket = order[torch.argsort(buckets, stable=True)]
        return list(by_bucket.split(torch.bincount(buckets, minlength=len(self.counts)).tolist()))

    def __iter__(self) -> Iterator[Key]:
        self.past, self._pending = self._pending, []
        return super().__iter__() if self.shuffle else self._evaluation()

    def _evaluation(self) -> Iterator[Key]:
        for members in self._members(torch.arange(self.size)):
            count = len(members)
            shared = -(-count // self.num_replicas) * self.num_replicas
            for position in range(-(-count // self.step) * self.step)[self.rank :: self.num_replicas]:
                sample = int(members[min(position, count - 1)]) if position < shared else BLANK
                yield Key(self.epoch, sample, position < count)

    def __len__(self) -> int:
        """Number of keys of one rank in a full epoch, blank ones included."""
        steps = self.counts // self.step if self.shuffle else -(-self.counts // self.step)
        return int(steps.sum()) * self.step // self.num_replicas

    def set_epoch(self, epoch: int) -> None:
        """Starts ``epoch`` from its beginning, unless it is the epoch being resumed."""
        if epoch != self.epoch:
            self.past, self._pending = [], []
        super().set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """The epoch, the number of samples served in it, and the step size."""
        return {"epoch": self.epoch, "samples": self.served, "step": self.step, "past": list(self.past)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the next iteration continue after ``state``; after the last step, with the next epoch."""
        self.epoch, samples = state["epoch"], state["samples"]
        self.past = [(step, served) for step, served in state["past"]]
        if state["step"] != self.step:
            self.past, samples = [*self.past, (state["step"], samples)], 0
        if samples >= len(self.plan(self.epoch)):
            self.epoch, self.past, samples = self.epoch + 1, [], 0
        self.served = self._start = samples
        self._pending = list(self.past)
