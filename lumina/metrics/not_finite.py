"""Detection of samples with NaN or infinity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from lumina.data.batches import finite_samples, select

NAMED = 10  # samples listed in a message


class NotFinite:
    """Counts and names the samples that contain NaN or infinity."""

    def __init__(self) -> None:
        self.seen = 0
        self.names: list[str] = []

    def sift(self, samples: Any, names: Sequence[str] | None = None) -> Tensor:
        """Mask of the finite samples, ``[B]`` bool on the CPU.

        Args:
            samples: what `Modality.decode` returned.
            names: names of the samples; None = their running numbers.
        """
        finite = finite_samples(samples)
        numbers = [f"number {self.seen + index}" for index in range(len(finite))]
        self.seen += len(finite)
        self.names += select(list(names or numbers), ~finite)
        return finite

    def message(self, consequence: str) -> str:
        """The message "2 of 5 samples hold NaN or infinity and ``consequence``: NAMES. Check ..."."""
        more = f" and {len(self.names) - NAMED} more" if len(self.names) > NAMED else ""
        return (
            f"{len(self.names)} of {self.seen} samples hold NaN or infinity and {consequence}: "
            f"{', '.join(self.names[:NAMED])}{more}. Check the checkpoint's weights and the precision."
        )
