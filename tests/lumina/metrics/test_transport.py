"""Earth mover's distance and occupancy: PointFlow's values, exact cases."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.occupancy import occupancy_divergence
from lumina.metrics.points import point_set_metrics
from lumina.metrics.transport import emd_matrix

ORACLE = dict(np.load(Path(__file__).parents[2] / "data/oracles/pointcloud_metrics.npz"))
SAMPLE, REFERENCE = ORACLE["equal_sample"], ORACLE["equal_ref"]


@pytest.mark.parametrize(("name", "x", "y"), [("rs", REFERENCE, SAMPLE), ("rr", REFERENCE, REFERENCE)])
def test_matrices_agree_with_pointflow(name, x, y):
    np.testing.assert_allclose(emd_matrix(x, y), ORACLE[f"equal_float64_emd_{name}"], rtol=0, atol=1e-10)


def test_metrics_agree_with_pointflow():
    found = point_set_metrics(SAMPLE, REFERENCE, distance=emd_matrix)
    for name, key in {"mmd": "lgan_mmd-EMD", "cov": "lgan_cov-EMD", "one_nna": "1-NN-EMD-acc"}.items():
        assert found[name] == pytest.approx(ORACLE[f"equal_float64_metric_{key}"].item(), abs=1e-10)


def test_the_least_over_all_assignments():
    x, y = torch.randn(2, 5, 3), torch.randn(3, 5, 3)
    best = [[min((a - b[list(p)]).norm(dim=1).mean() for p in permutations(range(5))) for b in y] for a in x]
    torch.testing.assert_close(emd_matrix(x, y), torch.tensor(best).double())


def test_rows_belong_to_the_first_argument_and_halves_are_symmetric():
    x, y = torch.randn(2, 6, 3), torch.randn(4, 6, 3)
    assert emd_matrix(x, y).shape == (2, 4)
    assert torch.equal(emd_matrix(x, x), emd_matrix(x, x).T)
    torch.testing.assert_close(emd_matrix(x, x), emd_matrix(x, x.clone()))


def test_unequal_clouds_are_refused():
    with pytest.raises(ValueError, match="Clouds of 5 and 6 points have no one-to-one assignment"):
        emd_matrix(torch.randn(1, 5, 3), torch.randn(1, 6, 3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_occupancy_agrees_with_pointflow(dtype):
    expected = ORACLE[f"equal_{dtype}_jsd_half_scale_res28"].item()
    assert occupancy_divergence(SAMPLE * 0.5, REFERENCE * 0.5) == pytest.approx(expected, abs=1e-10)


def test_occupancy_of_like_and_of_disjoint_sets():
    low, high = torch.rand(2, 50, 3) * 0.1, torch.rand(3, 40, 3) * 0.1 - 0.4
    assert occupancy_divergence(low, low.flip(1)) == pytest.approx(0, abs=1e-12)
    assert occupancy_divergence(low, high) == pytest.approx(1)  # a bit: each point tells its set
    assert occupancy_divergence(high, low) == pytest.approx(1)
