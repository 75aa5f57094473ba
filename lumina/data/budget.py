"""Batches with a budget of tokens instead of a fixed number of samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, repeat, takewhile
from typing import Any, Literal

import torch
from torch import Tensor

from lumina.data.mixture import Mixture
from lumina.data.sampler import BLANK, Key, RankSampler

Stretch = tuple[int, int]
"""Start and end (exclusive) of a batch in the global order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The token budget of a batch.

    Attributes:
        lengths: ``[N]`` int64, number of tokens of each sample.
        max_tokens: maximum cost of a batch.
        cost: ``"sum"`` = total tokens, for packed samples; ``"padded"`` = number of samples times the longest length,
            for padded samples.
    """

    lengths: Tensor
    max_tokens: int
    cost: Literal["sum", "padded"] = "sum"

    def fitting(self, lengths: Tensor) -> int:
        """The number of leading samples of ``lengths [n]`` that fit into a batch."""
        number = torch.arange(1, len(lengths) + 1)
        costs = lengths.cumsum(0) if self.cost == "sum" else lengths.cummax(0).values * number
        return int((costs <= self.max_tokens).sum())


class BudgetSampler(RankSampler):
    """A `RankSampler` that fills batches up to a token budget.

    The global order is cut greedily into batches, which go to the ranks in turn. The loader needs the same number of
    keys for every batch, so a batch is padded with `BLANK` keys, for which nothing is read.

    Every training epoch has as many steps as the first epoch has full steps. If a later order makes fewer batches, the
    epoch repeats its first samples with new augmentations; a surplus is dropped. Evaluation keeps the data's order and
    drops nothing; ranks without a last batch get one filler.

    The state counts the positions served in the global order, so a run resumed with another budget or number of
    processes continues with the first sample not yet served. With ``repeats``, the copies of a sample are adjacent and
    mostly share a batch.

    Args:
        budget: budget of a batch of one rank.
        batch_size: maximum number of samples in a batch of one rank.
        train: use the rules of training, not those of evaluation.
        seed: seed of the order.
        rank: index of this process among the data-parallel processes.
        world: number of data-parallel processes.
        repeats: number of times training serves each sample per epoch.
        mixture: of `RankSampler`.

    Attributes:
        steps: number of batches of one rank per epoch.

    Raises:
        ValueError: a sample is longer than the budget; or, in training, the samples do not fill one step.
    """

    def __init__(
        self,
        budget: Budget,
        batch_size: int,
        *,
        train: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        repeats: int = 1,
        mixture: Mixture | None = None,
    ) -> None:
        super().__init__(
            len(budget.lengths), 1, train=train, seed=seed, rank=rank, world=world, repeats=repeats, mixture=mixture
        )
        self.budget, self.batch_size = budget, batch_size
        self._ends: Iterator[int] = iter(())
        self._check_lengths()
        whole = list(takewhile(lambda batch: batch[1] <= self.size, self._cut(self._lengths(self.plan(0)), 0)))
        self.steps = len(whole) // world if train else -(-len(whole) // world)
        if not self.steps:
            raise ValueError(
                f"The training set fills {len(whole)} batches of {budget.max_tokens} tokens, but one step takes "
                f"{world}: lower data.max_tokens or data.batch_size."
            )

    def _check_lengths(self) -> None:
        longest = int(self.budget.lengths.max())
        if longest > self.budget.max_tokens:
            raise ValueError(
                f"A sample has {longest} tokens, more than data.max_tokens={self.budget.max_tokens}: raise that, or "
                "make samples smaller."
            )

    def _lengths(self, order: Tensor) -> Tensor:
        return self.budget.lengths[order % self.total]

    def _cut(self, lengths: Tensor, start: int) -> Iterator[Stretch]:
        """Batches from position ``start``; training repeats ``lengths [N]`` endlessly, evaluation does not."""
        window = min(self.batch_size, self.size)
        while self.shuffle or start < self.size:
            positions = torch.arange(start, start + window if self.shuffle else min(start + window, self.size))
            stop = start + self.budget.fitting(lengths[positions % self.size])
            yield start, stop
            start = stop

    def _steps(self, order: Tensor, start: int) -> list[list[Stretch]]:
        """The batches of all ranks, step by step, from position ``start`` to the end of the epoch."""
        lengths, world = self._lengths(order), self.num_replicas
        if self.shuffle:
            *_, (_, end) = islice(self._cut(lengths, 0), self.steps * world)
            batches = list(takewhile(lambda batch: batch[1] <= end, self._cut(lengths, start)))
            batches = batches[: len(batches) // world * world]
        else:
            batches = list(self._cut(lengths, start))
            batches += [(self.size, self.size + 1)] * (-len(batches) % world)
        return [batches[first : first + world] for first in range(0, len(batches), world)]

    def __iter__(self) -> Iterator[Key]:
        self.served, self._start = self._start, 0
        order = self.plan(self.epoch)
        steps = self._steps(order, self.served)
        self._ends = iter([batches[-1][1] for batches in steps])
        for batches in steps:
            first, last = batches[self.rank]
            for position in range(first, last):
                draw, round_ = int(order[position % self.size]), position // self.size
                copy = draw // self.total + self.repeats * round_
                yield Key(self.epoch, draw % self.total, self.shuffle or not round_, copy)
            yield from repeat(Key(self.epoch, BLANK, False), self.batch_size - (last - first))

    def __len__(self) -> int:
        """Number of keys of one rank in a full epoch, blank ones included."""
        return self.steps * self.batch_size

    def advance(self) -> None:
        """Counts one step; the loader calls this when it yields a batch."""
        self.served = next(self._ends)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the next iteration continue after ``state``; after the last step, with the next epoch."""
        epoch, samples = state["epoch"], state["samples"]
        if not self._steps(self.plan(epoch), samples):
            epoch, samples = epoch + 1, 0
        self.epoch, self.served, self._start = epoch, samples, samples
