"""A linear classifier on frozen features."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class Probe:
    """Logistic regression on standardised features.

    Args:
        features: ``[N, D]``.
        labels: ``[N]`` int64.

    Raises:
        ValueError: all labels are one.
    """

    def __init__(self, features: Tensor, labels: Tensor) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if len(labels.unique()) < 2:
            raise ValueError(f"a probe needs sounds of two classes or more, got {len(labels.unique())}")
        self._model: Any = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        self._model.fit(_array(features), labels.cpu().numpy())

    def predict(self, features: Tensor) -> Tensor:
        """The class of each row of ``features [N, D]``, ``[N]`` int64 on the CPU."""
        return torch.from_numpy(self._model.predict(_array(features)))

    def log_probabilities(self, features: Tensor, classes: int) -> Tensor:
        """``[N, classes]`` float64 on the CPU; that of a class without a sound is minus infinity."""
        found = torch.full((len(features), classes), -torch.inf, dtype=torch.float64)
        found[:, self._model.classes_.tolist()] = torch.from_numpy(self._model.predict_log_proba(_array(features)))
        return found


def _array(features: Tensor) -> npt.NDArray[np.float64]:
    return features.detach().cpu().double().numpy()
