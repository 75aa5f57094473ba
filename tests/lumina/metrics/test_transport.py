"""Earth mover's distance: PointFlow's values, exact cases."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

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
