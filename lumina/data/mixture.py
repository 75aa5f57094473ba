"""Chooses the samples of each epoch, where some of the data is served less often than in every epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lumina.randomness import Purpose, keyed_generator


class Mixture:
    """The samples of each epoch: a pure function of (seed, epoch).

    Every epoch has equally many samples, and equally many of each bucket. A sample that is left out of an epoch has its
    turn in the next ones: over the epochs all samples of one rate and bucket are served equally often.

    Args:
        rates: ``[N]``, share of the epochs in which a sample is served, above 0 and at most 1.
        buckets: ``[N]`` int64 >= 0, the bucket of each sample; None = there is one.
        seed: seed of the choice.

    Attributes:
        size: number of samples in an epoch.

    Raises:
        ValueError: a rate is out of its range.
    """

    def __init__(self, rates: Tensor, buckets: Tensor | None = None, seed: int = 0) -> None:
        if not bool(((rates > 0) & (rates <= 1)).all()):
            raise ValueError(f"Got rates from {rates.min():g} to {rates.max():g}: set each above 0 and at most 1.")
        buckets = torch.zeros(len(rates), dtype=torch.long) if buckets is None else buckets
        self.total = len(rates)
        self._turns: list[tuple[Tensor, int]] = []  # the samples in the order of their turns; those of an epoch
        for number, rate in enumerate(rates.unique().tolist()):
            own = (rates == rate).nonzero()[:, 0]
            quotas = apportion(torch.bincount(buckets[own]) * rate).tolist()
            for bucket, quota in enumerate(quotas):
                members = own[buckets[own] == bucket]
                turns = torch.randperm(len(members), generator=keyed_generator(Purpose.MIXTURE, seed, number, bucket))
                self._turns.append((members[turns], quota))
        self.size = sum(quota for _, quota in self._turns)

    def chosen(self, epoch: int) -> Tensor:
        """The samples of ``epoch``, ``[size]`` int64, in no particular order."""
        return torch.cat(
            [
                members[(torch.arange(quota) + epoch * quota) % len(members)]
                for members, quota in self._turns
                if len(members)
            ]
        )


def rates_of(origins: Tensor, shares: Sequence[float]) -> Tensor:
    """The rates ``[N]`` with which an epoch has all samples of the first source, and of others what their shares say.

    A source that has fewer samples than its share is served whole as well.

    Args:
        origins: ``[N]`` int64, the source of each sample.
        shares: the part of each source in an epoch, up to a common factor: ``[1, 1]`` = half and half.

    Raises:
        ValueError: the first source has no samples.
    """
    counts = torch.bincount(origins, minlength=len(shares))
    if not counts[0]:
        raise ValueError("The first source has no training samples, but its share decides the length of an epoch.")
    wanted = torch.tensor(shares, dtype=torch.float64) / shares[0] * counts[0]
    return (wanted / counts.clamp(min=1)).clamp(max=1)[origins]


def require_shares(shares: Sequence[float], sources: Sequence[object]) -> None:
    """Checks that each source has a share.

    Raises:
        ValueError: naming what is wrong.
    """
    if len(shares) != len(sources) or not all(0 < share < math.inf for share in shares):
        raise ValueError(f"Got shares {list(shares)} for {len(sources)} sources: set a number above 0 for each source.")


def apportion(parts: Tensor) -> Tensor:
    """Rounds ``parts [K]`` to integers whose sum is their rounded sum, by largest remainders."""
    parts = parts.double()
    rounded = parts.floor().long()
    lacking = round(float(parts.sum())) - int(rounded.sum())
    largest = torch.argsort(rounded - parts, stable=True)[:lacking]
    rounded[largest] += 1
    return rounded
