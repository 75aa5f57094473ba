"""Principal components against scikit-learn's."""

import numpy as np
import torch
from sklearn.decomposition import PCA

from lumina.metrics.principal import PrincipalAxes


def test_as_scikit_learn():
    rows = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 7) + 5
    found = PrincipalAxes(rows, 3).project(rows[:10])
    expected = PCA(3, svd_solver="full").fit(rows.double().numpy()).transform(rows[:10].double().numpy())
    np.testing.assert_allclose(found.abs(), np.abs(expected), rtol=1e-8)  # signs are free


def test_no_more_axes_than_there_are():
    assert PrincipalAxes(torch.randn(4, 6), 32).project(torch.randn(5, 6)).shape == (5, 4)
