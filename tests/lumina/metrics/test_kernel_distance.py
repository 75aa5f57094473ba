"""Kernel distance: reference implementations and the definition."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.kernel_distance import kernel_distance, polynomial_mmd

ORACLE = dict(np.load(Path(__file__).parents[2] / "data/oracles/kid.npz"))
X, Y = torch.from_numpy(ORACLE["x"]), torch.from_numpy(ORACLE["y"])


@pytest.mark.parametrize("tool", ["torch_fidelity", "torchmetrics"])
@pytest.mark.parametrize("subset", range(10))
def test_agrees_with_reference_implementations(tool, subset):
    x, y = X[ORACLE["subset_idx_x"][subset]], Y[ORACLE["subset_idx_y"][subset]]
    assert polynomial_mmd(x, y) == pytest.approx(ORACLE[f"mmd2_per_subset_{tool}_f64"][subset], rel=1e-10)


@pytest.mark.parametrize("key", ["mmd2_full280_torch_fidelity_f64", "clean_fid_full280"])
def test_agrees_on_whole_sets(key):
    assert polynomial_mmd(X[:280], Y) == pytest.approx(ORACLE[key].item(), rel=1e-10)


def test_draws_the_subsets_of_torch_fidelity():
    found = kernel_distance(X, Y, subsets=10, subset_size=100)
    assert found == pytest.approx(ORACLE["torch_fidelity_subsets10_size100_seed2020"], rel=1e-5)
    assert found.mean == pytest.approx(ORACLE["mmd2_per_subset_torch_fidelity_f64"].mean(), rel=1e-10)
    assert kernel_distance(X, Y, subsets=10, subset_size=100, seed=1).mean != found.mean


def test_is_its_definition_for_sets_of_two_sizes():
    x, y = X[:7].double(), Y[:5].double()
    kernel = lambda a, b: float((a @ b / 32 + 1) ** 3)  # noqa: E731
    within = [np.mean([kernel(a, b) for a, b in itertools.permutations(rows, 2)]) for rows in (x, y)]
    across = np.mean([kernel(a, b) for a, b in itertools.product(x, y)])
    assert polynomial_mmd(x, y) == pytest.approx(sum(within) - 2 * across, rel=1e-10)


def test_is_without_bias():
    # Two halves of one normal distribution, again and again: the mean is 0 within three of its standard errors.
    draws = torch.randn(400, 2, 20, 4, dtype=torch.float64)
    values = np.array([polynomial_mmd(x, y) for x, y in draws])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    assert (values < 0).any()


@pytest.mark.parametrize(("x", "y"), [((5, 3), (5, 4)), ((1, 3), (5, 3)), ((5,), (5,))])
def test_unusable_features_are_named(x, y):
    with pytest.raises(ValueError, match="at least two rows"):
        polynomial_mmd(torch.zeros(x), torch.zeros(y))


def test_too_few_rows_for_a_subset_are_named():
    with pytest.raises(ValueError, match="300 and 280 rows for subsets of 290"):
        kernel_distance(X, Y, subset_size=290)
