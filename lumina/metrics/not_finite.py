"""Samples that are no numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from lumina.data.batches import finite_samples, select

NAMED = 10  # samples in a message


class NotFinite:
    """Counts and names the samples that hold NaN or infinity, which are no result."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.seen = 0
        self.names: list[str] = []

    def sift(self, samples: Any, names: Sequence[str] | None = None) -> Tensor:
        """``[B]`` bool on the CPU: which of the samples are numbers.

        Args:
            samples: what `Modality.decode` returned.
            names: of the samples; None = their numbers among all that were seen.
        """
        finite = finite_samples(samples)
        numbers = [f"number {self.seen + place}" for place in range(len(finite))]
        self.seen += len(finite)
        self.names += select(list(names or numbers), ~finite)
        return finite

    def told(self, consequence: str) -> str:
        """A sentence such as "2 of 5 samples hold NaN or infinity and are no part of the results: ..."."""
        more = f" and {len(self.names) - NAMED} more" if len(self.names) > NAMED else ""
        return (
            f"{len(self.names)} of {self.seen} samples hold NaN or infinity and {consequence}: "
            f"{', '.join(self.names[:NAMED])}{more}. Check the checkpoint's weights and the precision."
        )
