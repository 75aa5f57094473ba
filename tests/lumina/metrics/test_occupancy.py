"""Where points lie: PointFlow's values, and shares worked out by hand."""

from math import log2
from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.occupancy import occupancy_divergence

ORACLE = dict(np.load(Path(__file__).parents[2] / "data/oracles/pointcloud_metrics.npz"))
SAMPLE, REFERENCE = ORACLE["equal_sample"], ORACLE["equal_ref"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_agrees_with_pointflow(dtype):
    expected = ORACLE[f"equal_{dtype}_jsd_half_scale_res28"].item()
    assert occupancy_divergence(SAMPLE * 0.5, REFERENCE * 0.5) == pytest.approx(expected, abs=1e-10)


def test_like_and_of_disjoint_sets():
    low, high = torch.rand(2, 50, 3) * 0.1, torch.rand(3, 40, 3) * 0.1 - 0.4
    assert occupancy_divergence(low, low.flip(1)) == pytest.approx(0, abs=1e-12)
    assert occupancy_divergence(low, high) == pytest.approx(1)  # a bit: each point tells its set
    assert occupancy_divergence(high, low) == pytest.approx(1)


def at(*places):
    """One cloud of points on the first axis."""
    return torch.tensor([[[place, 0.0, 0.0] for place in places]])


def test_shares_count_the_points_of_each_set_by_themselves():
    """P = (3/4, 1/4) of four points, Q = (1, 0) of one: H((P + Q) / 2) - (H(P) + H(Q)) / 2."""

    def entropy(*shares):
        return -sum(share * log2(share) for share in shares)

    expected = entropy(7 / 8, 1 / 8) - entropy(3 / 4, 1 / 4) / 2
    assert occupancy_divergence(at(0.3, 0.3, 0.3, -0.3), at(0.3)) == pytest.approx(expected)
    assert occupancy_divergence(at(0.3), at(-0.3, 0.3, 0.3, 0.3)) == pytest.approx(expected)


def test_a_point_counts_for_the_nearest_node():
    """Of three nodes on an edge (-0.5, 0, 0.5): within half a cell nothing moves, and outside the last node counts."""
    assert occupancy_divergence(at(0.24), at(-0.24), resolution=3) == pytest.approx(0)
    assert occupancy_divergence(at(0.26), at(0.24), resolution=3) == pytest.approx(1)
    assert occupancy_divergence(at(0.5), at(7.0), resolution=3) == pytest.approx(0)
