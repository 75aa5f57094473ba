"""Cameras as tensors: by hand, and against the values they are made of."""

import pytest
import torch
from tiny_scenes import ring

from lumina.metrics.views.pinholes import Pinholes, pinholes


def test_the_origin_lies_in_the_middle_and_up_is_up():
    cameras = pinholes(ring([0, 90], elevation=0, distance=2, field_of_view=90))
    places, deep = cameras.project(torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, 1, 0]]))
    assert deep[:, 0].tolist() == pytest.approx([2, 2])
    assert places[0].flatten().tolist() == pytest.approx([0, 0, 0, -0.5, 0.5, 0], abs=1e-6)
    assert places[1, 1].tolist() == pytest.approx([0, -0.5], abs=1e-6)
    assert deep[1, 2] == pytest.approx(1)


def test_a_ray_goes_back_to_its_place():
    cameras = pinholes(ring([10, 200], size=(48, 64)))
    views = torch.tensor([0, 1, 1])
    places = torch.tensor([[0.3, -0.2], [-0.9, 0.8], [0.0, 0.1]])
    points = cameras.places[views] + 2.5 * cameras.directions(places, views)
    found, deep = cameras.project(points)
    assert torch.allclose(found[views, range(3)], places, atol=1e-5)
    assert torch.allclose(deep[views, range(3)], torch.tensor(2.5))


@pytest.mark.parametrize("size", [(64, 64), (48, 64), (64, 40)])
def test_matrices_and_a_field_of_view_are_the_same_cameras(size):
    values = ring([0, 33, 290], field_of_view=40, size=size)
    one = Pinholes.of(values)
    other = Pinholes.of_view(one.camera_to_world, 40, size[1] / size[0])
    assert torch.allclose(one.focal, other.focal)
    assert torch.allclose(one.centre, other.centre)


def test_cameras_aim_at_what_all_see():
    values = pinholes(ring([0, 120, 240], distance=3, field_of_view=90))
    shift = torch.tensor([1.0, -2, 0.5])
    moved = values.camera_to_world.clone()
    moved[:, :3, 3] += shift
    point, reach = Pinholes(moved, values.focal, values.centre).aim()
    assert torch.allclose(point, shift, atol=1e-4)
    assert reach == pytest.approx(3, abs=1e-4)


def test_parallel_cameras_aim_at_the_point_nearest_to_the_origin():
    point, _ = pinholes(ring([40, 40], elevation=10)).aim()
    assert torch.allclose(point, torch.zeros(3), atol=1e-5)
