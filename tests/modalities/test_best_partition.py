"""The partition chosen for an image, against brute force in exact arithmetic."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest

from modalities.recognition import best_partition


def brute_force(height: int, width: int, max_patches: int, max_ratio: float) -> tuple[Fraction, int]:
    """Best score, and most patches among the grids that reach it."""
    grids = [
        (rows, columns)
        for rows in range(1, max_patches + 1)
        for columns in range(1, max_patches // rows + 1)
        if Fraction(max(rows, columns), min(rows, columns)) <= Fraction(str(max_ratio))
    ]
    return max((score(grid, height, width), grid[0] * grid[1]) for grid in grids)


def score(grid: tuple[int, int], height: int, width: int) -> Fraction:
    ratios = Fraction(grid[0], height), Fraction(grid[1], width)
    return min(ratios) / max(ratios)


def random_requests(count: int) -> list[tuple[int, int, int, float]]:
    draw = random.Random(0)
    sides = [*range(1, 9), 224, 225, 256, 333, 500, 640, 1024, 9973]
    return [
        (draw.choice(sides), draw.choice(sides), draw.randint(1, 300), draw.choice([1, 1.1, 1.5, 2, 3, 4.1, 16]))
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed_block", range(4))
def test_agrees_with_brute_force(seed_block: int) -> None:
    for height, width, max_patches, max_ratio in random_requests(160)[seed_block::4]:
        rows, columns = best_partition(height, width, max_patches, max_ratio)
        assert rows * columns <= max_patches
        assert Fraction(max(rows, columns), min(rows, columns)) <= Fraction(str(max_ratio))
        found = score((rows, columns), height, width), rows * columns
        assert found == brute_force(height, width, max_patches, max_ratio), (height, width, max_patches, max_ratio)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ((224, 224, 196, 4.0), (14, 14)),
        ((224, 224, 200, 4.0), (14, 14)),
        ((480, 640, 256, 4.0), (12, 16)),
        ((640, 480, 256, 4.0), (16, 12)),
        ((100, 1000, 256, 4.0), (8, 32)),
        ((1, 7, 1, 2.0), (1, 1)),
    ],
)
def test_known_sizes(request_: tuple[int, int, int, float], expected: tuple[int, int]) -> None:
    assert best_partition(*request_) == expected


def test_only_the_aspect_counts() -> None:
    assert best_partition(3, 4, 1024, 4.0) == best_partition(3 * 10**9, 4 * 10**9, 1024, 4.0)


def test_ratio_written_as_a_decimal_is_met_exactly() -> None:
    assert best_partition(11, 10, 110, 1.1) == (11, 10)


def test_large_budgets_are_quick() -> None:
    best_partition(500, 333, 4096, 4.0)
    start = time.perf_counter()
    for width in range(300, 350):
        best_partition(500, width, 4096, 4.0)
    assert (time.perf_counter() - start) / 50 < 0.02


@pytest.mark.parametrize("bad", [(0, 4, 16, 2.0), (4, -1, 16, 2.0), (4, 4, 0, 2.0), (4, 4, 16, 0.5)])
def test_impossible_requests_are_named(bad: tuple[int, int, int, float]) -> None:
    with pytest.raises(ValueError, match="all must be at least 1"):
        best_partition(*bad)
