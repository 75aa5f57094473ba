"""Normalisations against diffusion-point-cloud's values, and undone."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from lumina.clouds.normalise import ShapeNormalisation, frame_of

ORACLE = dict(np.load(Path(__file__).parents[2] / "data/oracles/pointcloud_normalize.npz"))
KINDS = get_args(ShapeNormalisation)


@pytest.mark.parametrize("kind", ["shape_unit", "shape_bbox"])
def test_as_in_diffusion_point_cloud(kind):
    points = torch.from_numpy(ORACLE["input"])
    np.testing.assert_allclose(frame_of(points, kind).apply(points), ORACLE[kind], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_undone_and_the_same_at_any_place_and_size(kind):
    points = torch.randn(3, 40, 3, dtype=torch.float64) * torch.tensor([1.0, 2.0, 5.0]) + 3
    frame = frame_of(points, kind)
    torch.testing.assert_close(frame.undo(frame.apply(points)), points)
    moved = points * 7 - 2
    if kind != "none":  # one that depended on the place would differ here
        torch.testing.assert_close(frame_of(moved, kind).apply(moved), frame.apply(points))


def test_the_sphere_touches_the_farthest_point():
    points = torch.randn(2, 30, 3)
    radius = frame_of(points, "shape_sphere").apply(points).norm(dim=-1).amax(-1)
    torch.testing.assert_close(radius, torch.ones(2))


def test_deviation_is_one_after_the_mean_is_taken_off():
    points = torch.randn(2, 30, 3) + torch.tensor([0.0, 5.0, -9.0])
    for kind, deviation in (("shape_std", 1.0), ("shape_unit", 0.2)):
        out = frame_of(points, kind).apply(points)
        torch.testing.assert_close(out.mean(1), torch.zeros(2, 3), atol=1e-5, rtol=0)
        torch.testing.assert_close(out.flatten(1).std(1), torch.full((2,), deviation), atol=0.1, rtol=0)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
def test_points_that_coincide_have_no_scale(kind):
    frame = frame_of(torch.ones(5, 3), kind)
    assert frame.scale == 0
    assert torch.equal(frame.apply(torch.ones(5, 3)), torch.zeros(5, 3))
