"""Kernel distance of feature sets (KID, Binkowski et al., 2018). Unlike FID it is unbiased for few samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class KernelDistance(NamedTuple):
    """Mean and spread of the squared MMD over random subsets.

    Attributes:
        mean: over the subsets.
        std: over the subsets (ddof 0).
    """

    mean: float
    std: float


def kernel_distance(
    x: Tensor, y: Tensor, subsets: int = 100, subset_size: int = 1000, seed: int = 2020
) -> KernelDistance:
    """Squared MMD of random subsets of two feature sets. The default seed draws the same subsets as torch-fidelity.

    Args:
        x: ``[N, D]`` features.
        y: ``[M, D]`` features.
        subsets: number of subsets.
        subset_size: rows drawn from each set.
        seed: of the subsets.

    Raises:
        ValueError: a set has fewer rows than a subset, or the widths differ.
    """
    if min(len(x), len(y)) < subset_size:
        raise ValueError(
            f"kernel_distance got {len(x)} and {len(y)} rows for subsets of {subset_size}; lower subset_size."
        )
    draw = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        parts = [rows[torch.from_numpy(draw.choice(len(rows), subset_size, replace=False))] for rows in (x, y)]
        values.append(polynomial_mmd(*parts))
    return KernelDistance(float(np.mean(values)), float(np.std(values)))


def polynomial_mmd(x: Tensor, y: Tensor) -> float:
    """Unbiased squared MMD of ``x [N, D]`` and ``y [M, D]`` under the kernel ``(a.b / D + 1)^3``; may be negative.

    Raises:
        ValueError: the sets are not matrices of equal width, or have fewer than two rows.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(
            f"Kernel distance got features of shape {list(x.shape)} and {list(y.shape)}; "
            "expected [N, D] and [M, D] with at least two rows each."
        )
    x, y = x.double(), y.double()
    within = _mean_off_diagonal(_kernel(x, x)) + _mean_off_diagonal(_kernel(y, y))
    return (within - 2 * _kernel(x, y).mean()).item()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.mT / x.shape[1] + 1) ** 3


def _mean_off_diagonal(kernel: Tensor) -> Tensor:
    return (kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1))
