"""Published statistics of real pictures."""

import numpy as np
import pytest
import torch

from lumina.metrics.inception import to_uint8
from lumina.metrics.reference import read_reference


def test_references_of_adm_are_read(network, tmp_path, features, pictures):
    path = tmp_path / "reference.npz"
    statistics = {"mu": np.zeros(3), "sigma": np.eye(3)}
    np.savez(path, **statistics)
    found = read_reference(path, network)
    assert found.spatial is None and found.features is None
    assert np.array_equal(found.pool.covariance, np.eye(3))
    samples = to_uint8(pictures).permute(0, 2, 3, 1).numpy()
    np.savez(path, samples, **statistics, mu_s=np.ones(4), sigma_s=np.eye(4))
    found = read_reference(path, network)
    assert np.array_equal(found.spatial.mean, np.ones(4))
    torch.testing.assert_close(found.features, features.pool)


def test_unusable_references_are_named(network, tmp_path):
    with pytest.raises(FileNotFoundError, match="guided-diffusion"):
        read_reference(tmp_path / "none.npz", network)
    np.savez(tmp_path / "samples.npz", np.zeros((1, 4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="contains arr_0, expected mu and sigma"):
        read_reference(tmp_path / "samples.npz", network)
