"""Image recognition at any resolution."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def best_partition(height: int, width: int, max_patches: int, max_ratio: float) -> tuple[int, int]:
    """The grid of patches that distorts an image least (Lumina-Next, appendix D.1: dynamic partitioning).

    Of all grids with at most ``max_patches`` patches and sides within ``max_ratio`` of each other, the one that
    maximises ``min(rows / height, columns / width) / max(rows / height, columns / width)``. Among equals the one with
    most patches wins, then the one with most rows.

    Args:
        height: image height in pixels.
        width: image width in pixels.
        max_patches: N, the token budget.
        max_ratio: R_max, the longer side of the grid over the shorter, at least 1.

    Returns:
        ``(rows, columns)``; resize the image to these times the patch size.

    Raises:
        ValueError: a size is not positive, or ``max_ratio`` is below 1.
    """
    if min(height, width, max_patches, max_ratio) < 1:
        raise ValueError(
            f"best_partition got height {height}, width {width}, max_patches {max_patches}, max_ratio {max_ratio}; "
            "all must be at least 1."
        )
    rows, columns = _grids(max_patches, max_ratio)
    tall, wide = rows * width, columns * height
    score = np.minimum(tall, wide) / np.maximum(tall, wide)
    # A rounded quotient never ranks a worse grid first, but may level two: those few are compared exactly.
    best = np.flatnonzero(score == score.max())
    grids = [(int(rows[i]), int(columns[i])) for i in best]
    return max(grids, key=lambda grid: (_fit(grid, height, width), grid[0] * grid[1], grid[0]))


def _fit(grid: tuple[int, int], height: int, width: int) -> Fraction:
    tall, wide = grid[0] * width, grid[1] * height
    return Fraction(min(tall, wide), max(tall, wide))


@cache
def _grids(max_patches: int, max_ratio: float) -> tuple[Floats, Floats]:
    grids = [
        (rows, columns)
        for rows in range(1, max_patches + 1)
        for columns in range(1, max_patches // rows + 1)
        if max(rows, columns) / min(rows, columns) <= max_ratio
    ]
    rows, columns = np.array(grids, dtype=np.float64).T
    return rows, columns
