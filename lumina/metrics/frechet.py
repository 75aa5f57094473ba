"""Frechet distance between two feature sets, as FID and FAD use it.

Each set is described by a Gaussian with its mean m and sample covariance S (ddof 1). The squared Frechet distance is
``|m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2))`` (Heusel et al., 2017, eq. 6), computed in float64 on the CPU. The matrix
square root is never formed: its trace is a sum of square roots of the eigenvalues of a symmetric matrix, so it is never
complex.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]
Array = Tensor | npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over a feature set from which its mean and covariance follow; ``+`` adds batches or processes.

    Attributes:
        count: ``[]`` int64, number of rows.
        total: ``[D]`` float64, sum of the rows.
        outer: ``[D, D]`` float64, sum of the rows' outer products.
    """

    count: Tensor
    total: Tensor
    outer: Tensor

    @classmethod
    def zeros(cls, width: int) -> Moments:
        """The moments of an empty set with ``width`` features."""
        return cls.of(torch.zeros(0, width))

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """The moments of ``features [N, D]``, of any floating-point type, on their device."""
        # Sums in float32 lose the covariance of features far from zero.
        rows = features.detach().double()
        return cls(torch.tensor(len(rows), device=rows.device), rows.sum(0), rows.mT @ rows)

    def __add__(self, other: Moments) -> Moments:
        """The moments of the union of both sets."""
        return Moments(self.count + other.count, self.total + other.total, self.outer + other.outer)

    def mean(self) -> Tensor:
        """Mean ``[D]`` float64."""
        return self.total / self.count

    def covariance(self) -> Tensor:
        """Sample covariance ``[D, D]`` float64 (ddof 1).

        Raises:
            ValueError: there are fewer than two rows.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 samples, got {int(self.count)}: give more.")
        mean = self.mean()
        return (self.outer - self.count * torch.outer(mean, mean)) / (self.count - 1)


def frechet_distance(x: Array, y: Array) -> float:
    """Frechet distance between two feature sets.

    Args:
        x: ``[N, D]`` features.
        y: ``[M, D]`` features.

    Raises:
        ValueError: the sets are not matrices of equal width, have fewer than two rows, or contain NaN or infinity.
    """
    rows_x, rows_y = _float64(x), _float64(y)
    if rows_x.ndim != 2 or rows_y.ndim != 2 or rows_x.shape[1] != rows_y.shape[1]:
        raise ValueError(
            f"frechet_distance got features of shape {rows_x.shape} and {rows_y.shape}; expected [N, D] and [M, D]."
        )
    _require_rows(len(rows_x), len(rows_y))
    _require_finite(rows_x, rows_y)
    mean_x, mean_y = rows_x.mean(0), rows_y.mean(0)
    # scaled so that S = rows.T @ rows
    rows_x = (rows_x - mean_x) / np.sqrt(len(rows_x) - 1)
    rows_y = (rows_y - mean_y) / np.sqrt(len(rows_y) - 1)
    if min(len(rows_x), len(rows_y)) <= rows_x.shape[1]:
        root_trace = float(np.linalg.svd(rows_x @ rows_y.T, compute_uv=False).sum())
        traces = float(np.square(rows_x).sum() + np.square(rows_y).sum())
        return _distance(mean_x, mean_y, traces, root_trace)
    return frechet_from_gaussians(mean_x, rows_x.T @ rows_x, mean_y, rows_y.T @ rows_y)


def frechet_from_moments(x: Moments, y: Moments) -> float:
    """Frechet distance between two feature sets, given their `Moments`.

    Raises:
        ValueError: a set has fewer than two rows, the widths differ, or a feature is NaN or infinite.
    """
    _require_rows(int(x.count), int(y.count))
    return frechet_from_gaussians(x.mean(), x.covariance(), y.mean(), y.covariance())


def frechet_from_gaussians(mean_x: Array, cov_x: Array, mean_y: Array, cov_y: Array) -> float:
    """Frechet distance between two Gaussians, given their means and covariances as in published reference files.

    Args:
        mean_x: ``[D]``, mean of the first Gaussian.
        cov_x: ``[D, D]``, its covariance.
        mean_y: ``[D]``, mean of the second Gaussian.
        cov_y: ``[D, D]``, its covariance.

    Raises:
        ValueError: the shapes do not match, or a value is NaN or infinite.
    """
    mean_x, cov_x, mean_y, cov_y = _float64(mean_x), _float64(cov_x), _float64(mean_y), _float64(cov_y)
    shapes = [mean_x.shape, cov_x.shape, mean_y.shape, cov_y.shape]
    if mean_x.ndim != 1 or shapes != [mean_x.shape, mean_x.shape * 2] * 2:
        raise ValueError(
            f"Frechet distance got mean, cov, mean, cov of shape {shapes}; expected [D], [D, D], [D], [D, D]."
        )
    _require_finite(mean_x, cov_x, mean_y, cov_y)
    values, vectors = np.linalg.eigh(cov_x)
    half = vectors * np.sqrt(values.clip(min=0))
    root_trace = float(np.sqrt(np.linalg.eigvalsh(half.T @ cov_y @ half).clip(min=0)).sum())
    return _distance(mean_x, mean_y, float(np.trace(cov_x) + np.trace(cov_y)), root_trace)


def _distance(mean_x: Floats, mean_y: Floats, traces: float, root_trace: float) -> float:
    return max(float(np.square(mean_x - mean_y).sum()) + traces - 2 * root_trace, 0.0)


def _float64(values: Array) -> Floats:
    if isinstance(values, Tensor):
        return values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def _require_rows(count_x: int, count_y: int) -> None:
    if min(count_x, count_y) < 2:
        raise ValueError(f"Frechet distance got {count_x} and {count_y} rows; a covariance needs at least 2 of each.")


def _require_finite(*arrays: Floats) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("Frechet distance got NaN or infinite features; check the samples and the feature extractor.")
