"""The samples that each process serves, and their order: a pure function of (seed, epoch, rank, world)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data.distributed import DistributedSampler

from lumina.data.mixture import Mixture
from lumina.randomness import Purpose, keyed_generator

BLANK = -1
"""The sample index of a `Key` that requests no sample."""


class Key(NamedTuple):
    """The key with which a loader requests a sample.

    Attributes:
        epoch: the epoch, part of the seed of the augmentation.
        sample: index into the dataset, or `BLANK` = no sample, where a batch is shorter than others.
        real: False for a filler that only keeps the ranks in step and must not be counted.
        copy: number of the sample's repetition in the epoch, part of the seed of the augmentation.
    """

    epoch: int
    sample: int
    real: bool = True
    copy: int = 0


class RankSampler(DistributedSampler[Key]):
    """The keys of one rank: the slice ``[rank::world]`` of a global order that all ranks share.

    Training shuffles with (seed, epoch) and drops the last samples that do not fill a batch on every rank. Evaluation
    keeps the data's order and drops nothing. If the samples do not divide evenly, the last ranks get one filler
    (``Key.real`` is False), so every rank has the same number of keys.

    The state counts the samples served by all ranks together and is the same on each rank. A run resumed with another
    batch size or number of processes continues with the first sample not yet served.

    It subclasses `DistributedSampler` so that Lightning does not wrap it in its own.

    Args:
        size: number of samples in the dataset.
        batch_size: samples in a batch of one rank.
        train: use the rules of training, not those of evaluation.
        seed: seed of the order.
        rank: index of this process among the data-parallel processes.
        world: number of data-parallel processes.
        repeats: number of times training serves each sample per epoch, in variations on different ranks (repeated
            augmentation, Hoffer et al., 2020); the epoch keeps its length and has correspondingly fewer samples.
        mixture: chooses the samples of each training epoch; None = an epoch has all.

    Attributes:
        total: number of samples in the dataset.
        size: number of samples in an epoch.
        step: samples in a batch of all ranks together.
        served: samples of this epoch served by all ranks together; the loader counts them.

    Raises:
        ValueError: in training, if ``size`` is less than one batch on every rank, or ``repeats`` less than 1.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        *,
        train: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        repeats: int = 1,
        mixture: Mixture | None = None,
    ) -> None:
        self.total, self.mixture = size, mixture
        size = size if mixture is None else mixture.size
        super().__init__(range(size), world, rank, shuffle=train, seed=seed, drop_last=train)  # type: ignore[arg-type]
        self.size = size
        self.step = batch_size * world
        self.repeats = repeats
        self.served = 0
        self._start = 0
        if train and size < self.step:
            raise ValueError(
                f"The training set has {size} samples, but one step takes {self.step} (batch_size {batch_size} on "
                f"{world} process{'es' * (world > 1)}): set data.batch_size to at most {size // world}."
            )

        if repeats < 1:
            raise ValueError(f"Got repeats {repeats}: set 1 or more.")

    def plan(self, epoch: int) -> Tensor:
        """The order of ``epoch``, ``[size]`` int64; each entry is ``sample + total * copy``."""
        if not self.shuffle:
            return torch.arange(self.size)
        order = torch.randperm(self.size, generator=keyed_generator(Purpose.ORDER, self.seed, epoch))
        if self.mixture is not None:
            order = self.mixture.chosen(epoch)[order]
        copies = self.total * torch.arange(self.repeats)
        return (order[: -(-self.size // self.repeats), None] + copies).flatten()[: self.size]

    def __iter__(self) -> Iterator[Key]:
        self.served, self._start = self._start, 0
        order = self.plan(self.epoch)[self.served :]
        if self.shuffle:
            order = order[: len(order) - len(order) % self.step]
        fillers = -len(order) % self.num_replicas
        mine = torch.cat([order, order[-1:].expand(fillers)])[self.rank :: self.num_replicas]
        for position, draw in enumerate(mine.tolist()):
            real = position * self.num_replicas + self.rank < len(order)
            yield Key(self.epoch, draw % self.total, real, draw // self.total)

    def __len__(self) -> int:
        """Number of keys of one rank in a full epoch, even if resumed."""
        if self.shuffle:
            return self.size // self.step * self.step // self.num_replicas
        return -(-self.size // self.num_replicas)

    def advance(self) -> None:
        """Counts one step; the loader calls this when it yields a batch."""
        self.served += self.step

    def set_epoch(self, epoch: int) -> None:
        """Starts ``epoch`` from its beginning, unless it is the epoch being resumed."""
        if epoch != self.epoch:
            self.epoch, self.served, self._start = epoch, 0, 0

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the number of samples served in it."""
        return {"epoch": self.epoch, "samples": self.served}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the next iteration continue after ``state``; after the last step, with the next epoch."""
        epoch, samples = state["epoch"], state["samples"]
        if self.size - samples < (self.step if self.shuffle else 1):
            epoch, samples = epoch + 1, 0
        self.epoch, self.served, self._start = epoch, samples, samples
