import numpy as np
import pytest

pytest.importorskip("open3d")

from lumina.scenes.cameras import Camera
from lumina.scenes.rays import RayCaster, Rays, covered, pattern, pixel_rays
from tests.meshes import cube, sheets


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 16, 33])
def test_places_share_no_row_and_no_column(count):
    places = pattern(count)
    steps = (np.arange(count) + 0.5) / count
    np.testing.assert_allclose(np.sort(places, 0), np.stack((steps, steps), 1), atol=1e-12)
    np.testing.assert_allclose(places.mean(0), 0.5, atol=1e-12)


def test_the_ray_of_a_pixel_lands_on_its_centre():
    camera = Camera.around(30, 20, 3, 50, (6, 8))
    rays = pixel_rays(camera, range(2, 5), range(1, 8), pattern(1))
    assert len(rays) == 21
    points = np.linalg.inv(camera.camera_to_world)[:3, :3] @ rays.direction.T
    np.testing.assert_allclose(points[2], -1, atol=1e-6)  # one unit along the axis
    columns, rows = 4 + camera.focal[0] * points[0], 3 - camera.focal[1] * points[1]
    np.testing.assert_allclose(columns, np.tile(np.arange(1, 8) + 0.5, 3), atol=1e-5)
    np.testing.assert_allclose(rows, np.repeat(np.arange(2, 5) + 0.5, 7), atol=1e-5)


def test_hits_say_where_on_which_triangle():
    mesh = sheets([0.0, 0.5])
    down = Rays(
        origin=np.array([(0.25, -0.5, 2), (5, 5, 2), (-0.5, 0.25, 2)], np.float32),
        direction=np.array([(0, 0, -2)] * 3, np.float32),
        start=np.zeros(3, np.float32),
    )
    hits = RayCaster(mesh.vertices, mesh.faces)(down)
    assert hits.ray.tolist() == [0, 2]
    assert hits.face.tolist() == [2, 3]
    np.testing.assert_allclose(hits.depth, 0.75)
    deeper = RayCaster(mesh.vertices, mesh.faces)(down.beyond(np.array([2, 0]), np.array([0.8, 0.5], np.float32)))
    assert deeper.ray.tolist() == [0, 1]
    assert deeper.face.tolist() == [1, 2]
    np.testing.assert_allclose(deeper.depth, [1, 0.75])
    points = np.einsum("kc,kcx->kx", hits.weights, mesh.vertices[mesh.faces[hits.face]])
    np.testing.assert_allclose(points, [(0.25, -0.5, 0.5), (-0.5, 0.25, 0.5)], atol=1e-6)


def test_the_rectangle_holds_what_is_seen_and_no_more():
    camera = Camera.around(0, 0, 2.5, 60, (100, 120))
    rows, columns = covered(camera, cube().vertices)
    half = camera.focal[0] * 0.5 / 2
    assert rows == range(int(50 - half), int(50 + half) + 1)
    assert columns == range(int(60 - half), int(60 + half) + 1)


def test_the_rectangle_is_the_picture_where_a_corner_is_behind_and_empty_beside_it():
    inside = Camera.around(0, 0, 0.1, 60, (10, 12))
    assert covered(inside, cube().vertices) == (range(10), range(12))
    rows, columns = covered(Camera.around(0, 0, 5, 20, (10, 12)), cube().vertices + np.array([0, 9, 0]))
    assert not len(rows) * len(columns)
