"""Visual hulls of balls and boxes, by their closed forms."""

import math

import pytest
import torch
from tiny_scenes import BALLS, ring, see

from lumina.metrics.views.hull import carve, depths, small
from lumina.metrics.views.pinholes import pinholes

EVEN = range(0, 360, 45)


def test_the_hull_holds_the_object():
    cameras = ring(EVEN)
    hull = carve(see(cameras).masks, pinholes(cameras))
    directions = torch.nn.functional.normalize(torch.randn(500, 3), dim=1)
    for ball in BALLS:
        assert hull.holds(ball[:3] + 0.97 * ball[3] * directions).all()


def test_many_views_of_a_ball_leave_little_more_than_the_ball():
    ball = torch.tensor([[0.1, 0.0, 0.05, 0.4]])
    cameras = ring(range(0, 360, 30), size=(256, 256)) + ring(range(0, 360, 30), elevation=60, size=(256, 256))
    hull = carve(see(cameras, ball).masks, pinholes(cameras))
    volume = float(hull.filled.float().mean() * (hull.high - hull.low).prod())
    assert volume == pytest.approx(4 / 3 * math.pi * 0.4**3, rel=0.1)


def test_a_box_seen_along_its_axes_is_carved_as_it_is():
    """Far away, so that rays are parallel: a picture is 2 units wide."""
    cameras = ring([0, 90], elevation=0, distance=200, field_of_view=2 * math.degrees(math.atan(1 / 200)))
    masks = torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[0, 17:47, 21:43] = True  # y from -10 to 12 pixels after dilation: 24 wide, 32 high
    masks[1, 17:47, 11:53] = True  # 44 wide
    hull = carve(masks, pinholes(cameras), voxels=96)
    volume = float(hull.filled.float().mean() * (hull.high - hull.low).prod())
    assert volume == pytest.approx(24 * 44 * 32 / 32**3, rel=0.06)


def test_the_hull_is_never_behind_the_object():
    cameras = ring(EVEN)
    seen = see(cameras)
    hull = carve(seen.masks, pinholes(cameras))
    found = depths(hull, seen.masks, pinholes(cameras))
    assert found[~seen.masks].isinf().all()
    hit = found.isfinite()
    assert hit.sum() > 0.99 * seen.masks.sum()
    assert (found - seen.depths)[hit].max() < 2 * hull.pitch
    assert (found - seen.depths)[hit].abs().median() < 0.1


def test_silhouettes_that_share_nothing_leave_nothing():
    cameras = pinholes(ring([0, 90]))
    masks = torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[0, :20, 20:40] = masks[1, 50:, 20:40] = True
    hull = carve(masks, cameras)
    assert not hull.filled.any()
    assert depths(hull, masks, cameras).isinf().all()


def test_only_large_pictures_are_made_small():
    assert small(torch.zeros(2, 3, 64, 48)).shape == (2, 3, 64, 48)
    assert small(torch.zeros(2, 3, 192, 256)).shape == (2, 3, 48, 64)
    assert small(torch.ones(1, 1, 100, 300)).shape == (1, 1, 21, 64)
