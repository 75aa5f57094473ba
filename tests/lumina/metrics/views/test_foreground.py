"""Silhouettes from a known background."""

import torch
from tiny_scenes import ring, see

from lumina.metrics.views.foreground import foreground
from lumina.metrics.views.samples import shares


def test_what_differs_from_the_background_is_the_object():
    pictures = torch.full((1, 3, 2, 2), 1.0)
    pictures[0, 1, 0, 0] = 0.85  # one channel is enough
    pictures[0, :, 1, 1] = 0.95  # noise is not
    assert foreground(pictures, (1, 1, 1)).tolist() == [[[True, False], [False, False]]]
    assert foreground(pictures, (1, 0, 1)).all()


def test_dark_objects_on_white_are_found_exactly():
    seen = see(ring([0, 90]))
    assert torch.equal(foreground(shares(seen.pictures), (1, 1, 1)), seen.masks)
