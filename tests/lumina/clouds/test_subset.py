"""Subsets of points."""

import math

import torch

from lumina.clouds.subset import farthest_subset, random_subset
from lumina.randomness import Purpose, keyed_generator


def test_random_points_are_taken_once_each():
    points = torch.arange(50.0)[:, None].expand(-1, 3)
    drawn = random_subset(points, 20, keyed_generator(Purpose.POINTS, 1))
    assert len(drawn.unique(dim=0)) == 20
    assert torch.equal(drawn, random_subset(points, 20, keyed_generator(Purpose.POINTS, 1)))
    assert not torch.equal(drawn, random_subset(points, 20, keyed_generator(Purpose.POINTS, 2)))
    assert random_subset(points, 50, keyed_generator(Purpose.POINTS, 1)) is points


def test_farthest_points_of_a_line_are_its_ends_then_its_middle():
    points = torch.linspace(0, 1, 101)[:, None] * torch.ones(3)
    assert farthest_subset(points, 5)[:, 0].tolist() == [0.0, 1.0, 0.5, 0.25, 0.75]


def test_farthest_points_spread_more_evenly_than_random_ones():
    points = torch.randn(2000, 3)
    points = points / points.norm(dim=1, keepdim=True)
    gap = [
        torch.cdist(some, some).fill_diagonal_(math.inf).amin()
        for some in (farthest_subset(points, 64), random_subset(points, 64, keyed_generator(Purpose.POINTS, 0)))
    ]
    assert gap[0] > 3 * gap[1]
