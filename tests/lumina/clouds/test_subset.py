"""Subsets of points."""

import importlib.util
import math

import pytest
import torch

from lumina.clouds.subset import farthest_subset, random_subset
from lumina.randomness import Purpose, keyed_generator

needs_open3d = pytest.mark.skipif(importlib.util.find_spec("open3d") is None, reason="needs open3d")


def test_random_points_are_taken_once_each():
    points = torch.arange(50.0)[:, None].expand(-1, 3)
    drawn = random_subset(points, 20, keyed_generator(Purpose.POINTS, 1))
    assert len(drawn.unique(dim=0)) == 20
    assert torch.equal(drawn, random_subset(points, 20, keyed_generator(Purpose.POINTS, 1)))
    assert not torch.equal(drawn, random_subset(points, 20, keyed_generator(Purpose.POINTS, 2)))
    assert random_subset(points, 50, keyed_generator(Purpose.POINTS, 1)) is points


def farthest(points, count):
    """From the definition, in the order of the points."""
    chosen = [0]
    while len(chosen) < count:
        chosen.append(int(torch.cdist(points, points[chosen]).amin(1).argmax()))
    return points[sorted(chosen)]


@needs_open3d
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_farthest_points_are_those_of_the_definition(kind):
    line = torch.linspace(0, 1, 101, dtype=kind)[:, None] * torch.ones(3, dtype=kind)
    assert [round(x, 6) for x in farthest_subset(line, 5)[:, 0].tolist()] == [0.0, 0.25, 0.5, 0.75, 1.0]
    points = torch.randn(300, 3, dtype=kind, generator=torch.Generator().manual_seed(0))
    assert torch.equal(farthest_subset(points, 40), farthest(points, 40))
    assert torch.equal(farthest_subset(points, 300), points)


@needs_open3d
def test_points_that_coincide_are_chosen_once():
    points = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 0, 0], [1, 0, 0], [0, 2, 0]])
    assert farthest_subset(points, 4).tolist() == [[0, 0, 0], [1, 0, 0], [0, 2, 0]]


@needs_open3d
def test_farthest_points_spread_more_evenly_than_random_ones():
    points = torch.randn(2000, 3)
    points = points / points.norm(dim=1, keepdim=True)
    gap = [
        torch.cdist(some, some).fill_diagonal_(math.inf).amin()
        for some in (farthest_subset(points, 64), random_subset(points, 64, keyed_generator(Purpose.POINTS, 0)))
    ]
    assert gap[0] > 3 * gap[1]
