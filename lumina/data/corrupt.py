"""Samples that cannot be read: skipped, named, counted, and too many of them end the run."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

LEAST_SERVED = 100
"""The share of corrupt samples is taken of at least so many, so that one bad file does not end a run at its start."""


class CorruptSample(Exception):
    """Raised by a dataset, ``from`` the cause, for a sample that is there but cannot be read.

    Args:
        name: the file, so that the user can find it.
        reason: what is wrong with it.
    """

    def __init__(self, name: str | Path, reason: object) -> None:
        super().__init__(f"{name}: {reason}")


def require_numbers(values: npt.NDArray[Any], name: str | Path) -> None:
    """Refuses an array of texts, objects or complex numbers.

    Raises:
        CorruptSample: naming the file.
    """
    if values.dtype.kind not in "fiu":
        raise CorruptSample(name, f"its coordinates are of type {values.dtype}, expected real numbers")


class CorruptCount:
    """Counts what the loaders skipped; lives in the process that trains, not in the loaders' workers.

    Args:
        limit: share of the samples served that may be corrupt.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.served = 0
        self.corrupt = 0
        self.known: set[str] = set()

    def add(self, served: int, skipped: Sequence[str]) -> None:
        """Takes in one batch.

        Args:
            served: samples in it.
            skipped: one message for each sample that could not be read on the way to them.

        Raises:
            ValueError: more than ``limit`` of all samples so far were corrupt.
        """
        self.served += served
        self.corrupt += len(skipped)
        for message in dict.fromkeys(skipped):
            if message not in self.known:
                self.known.add(message)
                warnings.warn(f"Skipped a sample that cannot be read: {message}", stacklevel=2)
        if self.corrupt > self.limit * max(self.served, LEAST_SERVED):
            raise ValueError(
                f"{self.corrupt} corrupt samples met while serving {self.served}, expected at most {self.limit:.2%}: "
                f"repair or remove these files, or raise data.max_corrupt; {_some(sorted(self.known))}"
            )


def _some(names: Sequence[str], most: int = 10) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + rest
