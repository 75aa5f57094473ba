"""Top-1 and Top-5 of recognised samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from lumina.metrics.robust import RobustMetric
from lumina.values import Batch

TOP = (1, 5)


class Guess(Protocol):
    """A recognised sample: probabilities ``[K]`` of the classes."""

    @property
    def probabilities(self) -> Tensor:
        """``[K]``."""


class Accuracy(RobustMetric):
    """The share of samples whose label is the likeliest class (``top1``) or among the five likeliest (``top5``).

    Each sample counts once and alike, whatever its class ("micro"), on any number of processes. ``top5`` is left out
    where there are no more than five classes; ``count`` is the number of samples. A sample without finite
    probabilities is wrong.
    """

    full_state_update = False
    right: Tensor
    count: Tensor

    def __init__(self) -> None:
        """Nothing counted yet."""
        super().__init__()
        self.add_state("right", torch.zeros(len(TOP), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self._classes = 0

    def update(self, generated: Sequence[Guess], batch: Batch) -> None:
        """Takes in recognised samples that are of the classes ``batch["label"]``."""
        probabilities = torch.stack([guess.probabilities for guess in generated])
        self._classes = probabilities.shape[1]
        ranked = probabilities.topk(min(TOP[-1], self._classes)).indices
        hits = ranked == batch["label"][:, None]
        self.right += torch.stack([hits[:, :top].any(1).sum() for top in TOP])
        self.count += len(generated)

    def results(self) -> dict[str, float]:
        """The report.

        Raises:
            ValueError: there are no samples.
        """
        count = self.count + self.missed
        if not count:
            raise ValueError("there are no samples.")
        shares = (self.right / count).tolist()
        report = {f"top{top}": share for top, share in zip(TOP, shares, strict=True) if top < self._classes}
        return {**report, "count": float(count)}
