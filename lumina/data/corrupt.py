"""Counts and names unreadable samples that were skipped; too many of them end the run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence

CHANCE = 1e-3
"""Significance level: a run ends if so many corrupt samples are less likely than this at the allowed share."""


class CorruptCount:
    """Counts distinct corrupt samples among distinct samples, in the training process (not in its workers).

    A sample counts once, however often it is drawn. A process sees a random subset of the data, so the count may
    exceed the limit by chance; see `beyond_chance`.

    Args:
        limit: share of the samples that may be corrupt.

    Attributes:
        seen: number of distinct samples, readable or not.
        known: a message for each corrupt sample, by its data set and index.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.seen = 0
        self.known: dict[tuple[str, int], str] = {}
        self._marks: dict[str, bytearray] = {}

    def add(self, data: str, tried: Iterable[int], skipped: Mapping[int, str]) -> None:
        """Adds one batch.

        Args:
            data: name of the data set.
            tried: indices of the samples that were tried.
            skipped: a message for each unreadable sample among them.

        Raises:
            ValueError: more samples are corrupt than ``limit`` and chance explain.
        """
        marks = self._marks.setdefault(data, bytearray())
        for index in tried:
            marks.extend(bytes(max(0, index + 1 - len(marks))))
            self.seen += not marks[index]
            marks[index] = True
        new = {(data, index): message for index, message in skipped.items() if (data, index) not in self.known}
        self.known |= new
        for message in new.values():
            warnings.warn(f"Skipped a sample that cannot be read: {message}", stacklevel=2)
        if new and beyond_chance(len(self.known), self.seen, self.limit):
            raise ValueError(
                f"{len(self.known)} of the first {self.seen} samples are corrupt ({len(self.known) / self.seen:.2%}), "
                f"more than max_corrupt={self.limit:.2%} and chance allow: repair or remove these files, or raise "
                f"data.max_corrupt; {_some(sorted(self.known.values()))}"
            )


def beyond_chance(corrupt: int, seen: int, limit: float) -> bool:
    """One-sided binomial test of whether the corrupt share of all data is above ``limit``.

    If the share is at most ``limit``, ``corrupt`` or more occur among ``seen`` samples with a probability of at most
    ``sum_{k >= corrupt} C(seen, k) limit^k (1 - limit)^(seen - k)``. This also holds for draws without replacement
    (Hoeffding, 1963, theorem 4). Returns True if this bound is below `CHANCE`.
    """
    from scipy.special import bdtrc

    return corrupt > 0 and bool(bdtrc(corrupt - 1, seen, limit) < CHANCE)


def _some(names: Sequence[str], most: int = 10) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + rest
