"""Top-1 and top-5 accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from lumina.metrics.robust import RobustMetric
from lumina.values import Batch

TOP = (1, 5)


class Prediction(Protocol):
    """The prediction for one sample."""

    @property
    def probabilities(self) -> Tensor:
        """Class probabilities ``[K]``."""


class Accuracy(RobustMetric):
    """Share of samples whose label is the most likely class (``top1``) or among the five most likely (``top5``).

    Every sample has the same weight (micro average), on any number of processes. ``top5`` is omitted with five classes
    or fewer; ``count`` is the number of samples. A sample with NaN or infinity counts as wrong.
    """

    full_state_update = False
    right: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("right", torch.zeros(len(TOP), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self._classes = 0

    def update(self, generated: Sequence[Prediction], batch: Batch) -> None:
        """Adds the predictions for samples with the labels ``batch["label"]`` ``[B]``."""
        probabilities = torch.stack([prediction.probabilities for prediction in generated])
        self._classes = probabilities.shape[1]
        ranked = probabilities.topk(min(TOP[-1], self._classes)).indices
        hits = ranked == batch["label"][:, None]
        self.right += torch.stack([hits[:, :top].any(1).sum() for top in TOP])
        self.count += len(generated)

    def results(self) -> dict[str, float]:
        """``top1``, ``top5`` and ``count``.

        Raises:
            ValueError: there are no samples.
        """
        count = self.count + self.missed
        if not count:
            raise ValueError("there are no samples.")
        shares = (self.right / count).tolist()
        report = {f"top{top}": share for top, share in zip(TOP, shares, strict=True) if top < self._classes}
        return {**report, "count": float(count)}
