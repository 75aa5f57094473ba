import numpy as np
import pytest

from lumina.scenes.mesh import Material
from lumina.scenes.rays import Hits
from lumina.scenes.shading import DARKEST, TOWARDS_LIGHT, Surface, brightness, interpolated
from tests.meshes import flat, sheets

TRIANGLE = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]


def hit(weights, face=0, direction=(0, 0, -1)):
    """One on a triangle."""
    return Hits(
        ray=np.zeros(1, int),
        depth=np.ones(1, np.float32),
        face=np.array([face]),
        weights=np.array([weights], np.float32),
        flat=np.array([(0, 0, 1)], np.float32),
        direction=np.array([direction], np.float32),
    )


def test_what_corners_have_is_mixed_by_weight():
    corners = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    np.testing.assert_allclose(interpolated(corners, hit((0.5, 0.3, 0.2), face=1)), [(7.4, 8.4)], rtol=1e-6)


def test_colours_of_corners_multiply_the_material():
    colours = np.zeros((1, 3, 4), np.float32)
    colours[0] = (1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 0.5)
    mesh = flat(TRIANGLE, [(0, 1, 2)], Material(colour=(0.5, 1, 1, 1), alpha="blend"), colours=colours)
    seen = Surface(mesh, "none").colours(hit((0.2, 0.3, 0.5)))
    np.testing.assert_allclose(seen, [(0.1, 0.3, 0.5, 0.75)], rtol=1e-6)


def test_smooth_normals_have_length_one_and_face_the_viewer():
    normals = np.array([[(0, 0, 1), (0.6, 0, 0.8), (0, 0, 1)]], np.float32)
    for given in (normals, -normals):  # those of the file may point inwards
        for corners in ((0, 1, 2), (0, 2, 1)):
            mesh = flat(TRIANGLE, [corners], normals=given[:, list(corners)])
            above = Surface(mesh, "object").normals(hit((0.5, *(0.5 if c == 1 else 0 for c in corners[1:]))))
            np.testing.assert_allclose(above, [np.array((0.3, 0, 0.9)) / np.hypot(0.3, 0.9)], rtol=1e-6)
            below = Surface(mesh, "object").normals(hit((1, 0, 0), direction=(0, 0, 1)))
            np.testing.assert_allclose(below, [(0, 0, -1)])


def test_the_light_is_brightest_where_it_comes_from_and_never_black():
    towards = TOWARDS_LIGHT / np.linalg.norm(TOWARDS_LIGHT)
    np.testing.assert_allclose(brightness(np.stack((towards, -towards))), (1, DARKEST), rtol=1e-6)


@pytest.mark.parametrize("direction", [(0, 0, -1), (1, 0, -1), (-3, 2, -1)])
def test_the_light_does_not_follow_the_viewer(direction):
    mesh = sheets([0], Material(colour=(1, 0.5, 0, 1)))
    seen = Surface(mesh, "object").colours(hit((1, 0, 0), direction=direction))
    expected = brightness(np.array([[0, 0, 1]], np.float32)) * np.array([1, 0.5, 0])
    np.testing.assert_allclose(seen[:, :3], [expected], rtol=1e-6)
    np.testing.assert_allclose(Surface(mesh, "none").colours(hit((1, 0, 0)))[:, :3], [(1, 0.5, 0)])


def test_mirrored_normals_are_lit_alike():
    normals = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    np.testing.assert_array_equal(brightness(normals), brightness(normals * np.array([-1, 1, 1], np.float32)))
