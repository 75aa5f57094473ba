"""What is read before a run, and what is kept of its pictures."""

import numpy as np
import pytest

from lumina.frozen.network import Frozen
from lumina.metrics.image import InceptionMetrics
from lumina.metrics.inception import URL


def test_missing_weights_are_named(tmp_path):
    metric = InceptionMetrics(weights=tmp_path / "none.pth")
    with pytest.raises(FileNotFoundError, match=r"none\.pth") as error:
        metric.prepare(None)
    assert URL in str(error.value)


def test_the_reference_is_read_once(network, tmp_path):
    path = tmp_path / "reference.npz"
    np.savez(path, mu=np.zeros(3), sigma=np.eye(3))
    metric = InceptionMetrics(tmp_path / "none.pth", reference=path)
    metric._network = Frozen(lambda: network)
    metric.prepare(None)
    first = metric.real
    path.unlink()
    metric.prepare(None)
    assert metric.real is first
