"""Points that two views share have one colour, and each view is compared with those beside it."""

import torch
from tiny_scenes import ring, see

from lumina.metrics.views.shared_points import look, shared_points

EVEN = range(0, 360, 45)


def test_each_view_is_paired_with_both_neighbours():
    order = [3, 0, 6, 1, 7, 4, 2, 5]
    cameras = ring([EVEN[place] for place in order])
    seen = see(cameras)
    pairs = shared_points(seen.pictures, look(seen.masks, cameras))
    turns = [(order[pair.one] - order[pair.other]) % 8 for pair in pairs]
    assert sorted(turns) == [1] * 8 + [7] * 8


def test_a_shared_point_has_one_colour():
    cameras = ring(range(0, 360, 15))
    seen = see(cameras)
    pairs = shared_points(seen.pictures, look(seen.masks, cameras))
    mine, theirs = (torch.cat([pair[place] for pair in pairs]) for place in (2, 3))
    assert len(mine) > 1000
    assert (mine - theirs).abs().mean() < 0.5 * (mine - theirs.flip(0)).abs().mean()


def test_one_view_has_no_neighbour():
    cameras = ring([0])
    seen = see(cameras)
    assert shared_points(seen.pictures, look(seen.masks, cameras)) == []
