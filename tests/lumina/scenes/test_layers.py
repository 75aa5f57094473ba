"""Sheets above one another, seen straight from above, against the over operator by hand."""

import numpy as np
import pytest

pytest.importorskip("open3d")

from lumina.scenes.cameras import Camera
from lumina.scenes.mesh import Material
from lumina.scenes.renderer import Renderer
from tests.meshes import sheets

CAMERA = Camera.around(-90, 90, 5, 30, (8, 8))


def middle(heights, *materials, **changes):
    """Colour, depth and normal of a pixel."""
    seen = Renderer(sheets(heights, *materials, **changes), light="none").render(CAMERA)
    return seen.rgba[3, 3], seen.depth[3, 3], seen.normals[3, 3]


def over(colours):
    """RGBA of what lies above one another, the nearest first, not premultiplied."""
    mixed, through = np.zeros(3), 1.0
    for *colour, alpha in colours:
        mixed += through * alpha * np.array(colour)
        through *= 1 - alpha
    return np.array([*mixed / (1 - through), 1 - through])


def pane(*colour):
    return Material(colour=colour, alpha="blend")


@pytest.mark.parametrize("count", [1, 2, 8, 12])
def test_panes_are_mixed_by_the_over_operator(count):
    colours = np.random.default_rng(count).uniform(0.1, 0.9, (count, 4))
    colours[:, 3] *= 0.4
    heights = np.linspace(1, -1, count)
    order = np.random.default_rng(1).permutation(count)  # the order in the file means nothing
    rgba, _, _ = middle(heights[order], *(pane(*colours[number]) for number in order))
    np.testing.assert_allclose(rgba, over(colours), atol=1e-5)


def test_nothing_shows_through_what_is_opaque():
    rgba, depth, _ = middle([0.5, 0, -0.5], pane(1, 0, 0, 0.5), Material(colour=(0, 1, 0, 0.2)), pane(0, 0, 1, 1))
    np.testing.assert_allclose(rgba, (0.5, 0.5, 0, 1), atol=1e-6)
    assert depth == pytest.approx(5 - 0.5, abs=1e-5)  # both give half: the first


def test_masked_away_is_not_there():
    clear = Material(colour=(1, 0, 0, 0.49), alpha="mask")
    kept = Material(colour=(0, 0, 1, 0.51), alpha="mask")
    rgba, depth, normal = middle([0.5, 0], clear, kept)
    np.testing.assert_allclose(rgba, (0, 0, 1, 1), atol=1e-6)
    assert depth == pytest.approx(5, abs=1e-5)
    np.testing.assert_allclose(normal, (0, 0, 1), atol=1e-6)
    rgba, depth, normal = middle([0.5], clear)
    assert not rgba.any()
    assert np.isinf(depth)
    assert not normal.any()


def test_depth_is_that_of_the_surface_that_gives_most():
    assert middle([1, 0, -1], pane(1, 1, 1, 0.3), pane(1, 1, 1, 0.9), pane(1, 1, 1, 1))[1] == pytest.approx(5, abs=1e-5)
    assert middle([1, 0], pane(1, 1, 1, 0.6), pane(1, 1, 1, 0.9))[1] == pytest.approx(4, abs=1e-5)


def test_a_face_that_lies_in_another_counts_once():
    """Files that draw both sides of a pane hold it twice."""
    rgba, _, _ = middle([0, 0], pane(1, 0, 0, 0.5))
    np.testing.assert_allclose(rgba, (1, 0, 0, 0.5), atol=1e-6)


@pytest.mark.parametrize("elevation", [0.05, 0.3, 3, 30])
def test_a_pane_counts_once_from_however_flat_it_is_seen(elevation):
    renderer = Renderer(sheets([0], pane(1, 0, 0, 0.25)), light="none")
    camera = Camera.around(20, elevation, 3, min(30, 20 * elevation), (64, 64))
    alpha = renderer.render(camera, rays=1).rgba[..., 3]
    assert alpha.max() == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("distance", [0.01, 3, 300, 30_000])
def test_what_lies_behind_is_seen_from_however_far(distance):
    panes = sheets([0, -0.5], pane(1, 0, 0, 0.5), pane(0, 0, 1, 0.5))
    camera = Camera.around(-90, 90, distance, 1 / max(distance, 1), (4, 4))
    seen = Renderer(panes, light="none").render(camera)
    np.testing.assert_allclose(seen.rgba, np.broadcast_to(over([(1, 0, 0, 0.5), (0, 0, 1, 0.5)]), (4, 4, 4)), atol=1e-6)


def test_a_texture_of_holes_has_no_dark_fringe():
    """Where opaque white meets clear black texels, the edge stays white."""
    texture = np.zeros((4, 4, 4), np.uint8)
    texture[1:3, 1:3] = 255
    seen = Renderer(sheets([0], Material(colour=(1, 1, 1, 1), texture=texture, alpha="blend")), light="none")
    rgba = seen.render(Camera.around(-90, 90, 5, 30, (64, 64))).rgba
    edge = (rgba[..., 3] > 0.01) & (rgba[..., 3] < 0.99)
    assert edge.sum() > 50
    np.testing.assert_allclose(rgba[edge][:, :3], 1, atol=1e-3)
