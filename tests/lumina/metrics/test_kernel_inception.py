"""KID as a metric of a run: reference implementations, any order, and too few pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.kernel_inception import KernelInceptionDistance
from lumina.metrics.order import content_keys
from lumina.metrics.reference import Gaussian, Reference

ORACLE = dict(np.load(Path(__file__).parents[2] / "data/oracles/kid.npz"))
X, Y = torch.from_numpy(ORACLE["x"]), torch.from_numpy(ORACLE["y"])
NONE = Gaussian(np.zeros(1), np.eye(1))


def measured(x, **options):
    """The metric after pictures of which these are the features."""
    metric = KernelInceptionDistance(Path("none.pth"), **options)
    metric._real = Reference(NONE, None, Y)
    for part in x.split(70):
        metric.features.append(part)
        metric.keys.append(content_keys(part))
    return metric


def test_it_agrees_with_reference_implementations():
    found = measured(X[:280], subsets=1, subset_size=280).compute()
    assert found["kid"] == pytest.approx(ORACLE["clean_fid_full280"].item(), rel=1e-10)
    assert found["kid_std"] == 0


def test_subsets_do_not_depend_on_the_order():
    found = measured(X, subsets=10, subset_size=100).compute()
    assert measured(X.flip(0), subsets=10, subset_size=100).compute() == found
    mean, std = ORACLE["torch_fidelity_subsets10_size100_seed2020"]  # of other subsets
    assert found["kid"] == pytest.approx(mean, abs=3 * std / 10**0.5)


def test_too_few_pictures_are_told():
    metric = measured(X)
    assert metric.compute() == {}
    assert "needs at least that many generated pictures, got 300: lower the metric" in metric.failures["all"]


def test_references_without_enough_pictures_are_refused_before_the_run():
    metric = measured(X)
    with pytest.raises(ValueError, match="needs at least that many real pictures, got 280: lower the metric"):
        metric.prepare(None)
    metric._real = Reference(NONE, None, None)
    with pytest.raises(ValueError, match="KID needs pictures"):
        metric.prepare(None)
