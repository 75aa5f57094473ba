import numpy as np
import pytest

pytest.importorskip("open3d")

from lumina.scenes.cameras import Camera
from lumina.scenes.mesh import Material
from lumina.scenes.renderer import Renderer, fitting_distance
from tests.meshes import cube, flat, sheets, sphere

RED = Material(colour=(1, 0, 0, 1))


def from_above(distance=2.0, field_of_view=90.0, size=(64, 64)):
    """Looks down; x goes right and y goes up in its picture."""
    return Camera.around(-90, 90, distance, field_of_view, size)


@pytest.mark.parametrize("elevation", [-30, 0, 20, 80])
def test_the_outline_of_a_sphere_is_where_geometry_puts_it(elevation):
    """It covers the pixels whose rays come closer to its centre than its radius."""
    camera = Camera.around(70, elevation, 2, 40, (128, 128))
    seen = Renderer(sphere(0.5, 200)).render(camera, rays=64)
    across = (np.arange(128) + 0.5 - 64) / camera.focal[0]
    tangent = np.hypot(across[:, None], across)
    radius = np.tan(np.arcsin(0.25)) * camera.focal[0]
    distance = radius - tangent * camera.focal[0]  # from the outline, in pixels; inside positive
    assert (seen.rgba[..., 3][distance > 0.75] == 1).all()
    assert (seen.rgba[..., 3][distance < -0.75] == 0).all()
    assert np.sqrt(seen.rgba[..., 3].sum() / np.pi) == pytest.approx(radius, abs=0.02)  # of equal area

    inside = distance > 1
    along = 1 / np.sqrt(1 + tangent**2)  # cosine between a pixel's ray and the axis
    way = 2 * along - np.sqrt(np.maximum(4 * along**2 - (4 - 0.25), 0))
    np.testing.assert_allclose(seen.depth[inside], (way * along)[inside], atol=1e-3)
    right, up, back = camera.camera_to_world[:3, :3].T
    rays = across[None, :, None] * right - across[:, None, None] * up - back
    normal = 2 * (camera.camera_to_world[:3, 3] + (way * along)[..., None] * rays)
    np.testing.assert_allclose(seen.normals[inside], normal[inside], atol=1e-2)
    assert np.isinf(seen.depth[distance < -1]).all()
    assert (seen.normals[distance < -1] == 0).all()


def test_a_cube_from_the_front_is_a_square():
    camera = Camera.around(0, 0, 2.5, 60, (100, 100))
    seen = Renderer(cube()).render(camera)
    half = camera.focal[0] * 0.5 / 2
    centres = np.abs(np.arange(100) + 0.5 - 50)
    inside = np.maximum(centres[:, None], centres) < half - 0.5
    outside = np.maximum(centres[:, None], centres) > half + 0.5
    assert (seen.rgba[..., 3][inside] == 1).all()
    assert (seen.rgba[..., 3][outside] == 0).all()
    np.testing.assert_allclose(seen.depth[inside], 2, atol=1e-5)
    np.testing.assert_allclose(seen.normals[inside], np.broadcast_to([1, 0, 0], (inside.sum(), 3)), atol=1e-6)


@pytest.mark.parametrize("corner", [(0.5, 0.5, 0.5), (0.5, -0.5, -0.5), (-0.5, 0.5, 0.5)])
def test_a_corner_of_a_cube_lands_on_its_pixel(corner):
    """A tiny triangle around the corner covers the pixel to which the matrix takes it."""
    camera = Camera.around(30, 25, 3, 40, (90, 120))
    right, up = camera.camera_to_world[:3, :2].T
    spot = corner + 0.01 * np.array([-right - up, right - up, 2 * up])
    seen = Renderer(flat(spot, [(0, 1, 2)], RED)).render(camera, rays=256)
    x, y, z = np.linalg.inv(camera.camera_to_world)[:3] @ [*corner, 1]
    column, row = 60 - camera.focal[0] * x / z, 45 + camera.focal[1] * y / z
    centre = np.argwhere(seen.rgba[..., 3] > 0).mean(0) + 0.5
    np.testing.assert_allclose(centre, (row, column), atol=0.5)


def test_a_texture_is_upright_and_lies_right():
    """v goes up with y, u with x: row 0 of the texture is at the top of the picture."""
    texture = np.zeros((2, 2, 4), np.uint8)
    texture[..., 3] = 255
    texture[0, 0, 0], texture[0, 1, 1], texture[1, 0, 2] = 255, 255, 255
    seen = Renderer(sheets([0], Material(colour=(1, 1, 1, 1), texture=texture)), light="none").render(from_above(2.5))
    rows, columns = np.nonzero(np.isfinite(seen.depth))
    top, bottom, left, right = rows.min() + 2, rows.max() - 2, columns.min() + 2, columns.max() - 2
    assert seen.rgba[top, left, :3].argmax() == 0
    assert seen.rgba[top, right, :3].argmax() == 1
    assert seen.rgba[bottom, left, :3].argmax() == 2
    assert seen.rgba[bottom, right, :3].max() < 0.3


def test_the_same_picture_every_time():
    camera = Camera.around(12, 34, 3, 40, (48, 48))
    first, second = (Renderer(cube(RED)).render(camera) for _ in range(2))
    for name in ("rgba", "depth", "normals"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_bands_of_rows_join_without_a_seam(monkeypatch):
    camera = Camera.around(12, 34, 3, 40, (48, 48))
    whole = Renderer(cube(RED)).render(camera)
    monkeypatch.setattr("lumina.scenes.renderer.RAYS_AT_ONCE", 300)
    parts = Renderer(cube(RED)).render(camera)
    np.testing.assert_array_equal(parts.rgba, whole.rgba)
    np.testing.assert_array_equal(parts.depth, whole.depth)


@pytest.mark.parametrize("light", ["object", "none"])
def test_edges_keep_their_colour(light):
    """An edge pixel of a red object is red and partly clear, not dark."""
    seen = Renderer(sphere(0.5, 40, RED), light).render(Camera.around(0, 10, 2, 40, (64, 64)))
    edge = (seen.rgba[..., 3] > 0) & (seen.rgba[..., 3] < 1)
    assert edge.sum() > 50
    assert seen.rgba[edge][:, 0].min() >= (0.4 if light == "object" else 0.999)
    assert (seen.rgba[..., 1:3] == 0).all()


def test_light_stays_with_the_object():
    """A face of a cube looks the same from wherever it is seen."""
    renderer = Renderer(cube())
    colours = []
    for azimuth in (-30, 0, 30):
        seen = renderer.render(Camera.around(azimuth, 0, 3, 40, (64, 64)))
        front = (seen.normals @ np.array([1, 0, 0], np.float32) > 0.99) & (seen.rgba[..., 3] == 1)
        colours.append(np.median(seen.rgba[front], 0))
    np.testing.assert_allclose(colours, np.broadcast_to(colours[0], (3, 4)), atol=1e-6)
    assert 0.3 < colours[0][0] < 0.8


def test_both_sides_of_a_face_are_seen():
    renderer = Renderer(sheets([0], RED))
    for elevation in (60, -60):
        seen = renderer.render(Camera.around(0, elevation, 3, 60, (32, 32)))
        assert seen.rgba[16, 16, 3] == 1
        assert seen.normals[16, 16, 2] == pytest.approx(np.sign(elevation))


def test_a_camera_that_looks_elsewhere_sees_nothing():
    camera = Camera.around(0, 0, 3, 40, (16, 24))
    away = Camera(
        camera_to_world=camera.camera_to_world @ np.diag([-1.0, 1, -1, 1]),
        focal=camera.focal,
        centre=camera.centre,
        size=camera.size,
    )
    seen = Renderer(cube()).render(away)
    assert seen.rgba.shape == (16, 24, 4)
    assert (seen.rgba == 0).all()
    assert np.isinf(seen.depth).all()


def test_a_camera_inside_sees_all_around_it():
    seen = Renderer(cube()).render(Camera.around(0, 0, 0.1, 90, (16, 16)))
    assert (seen.rgba[..., 3] == 1).all()


@pytest.mark.parametrize("field_of_view", [15, 40, 90])
def test_nothing_is_cut_off(field_of_view):
    renderer, distance = Renderer(cube()), fitting_distance(cube(), field_of_view)
    for azimuth, elevation in [(0, 0), (45, 35.264), (45, 0), (200, -80), (135, -35.264)]:
        alpha = renderer.render(Camera.around(azimuth, elevation, distance, field_of_view, (64, 64))).rgba[..., 3]
        assert alpha.any()
        assert not np.concatenate((alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1])).any()


def test_a_sphere_fills_all_but_the_margin():
    camera = Camera.around(0, 0, fitting_distance(sphere(0.7, 100), 50, margin=0.25), 50, (200, 200))
    rows = np.nonzero(Renderer(sphere(0.7, 100)).render(camera).rgba[..., 3].any(1))[0]
    assert len(rows) == pytest.approx(150, abs=1)


@pytest.mark.parametrize(("field_of_view", "margin"), [(0, 0.1), (180, 0.1), (float("nan"), 0.1), (40, 1), (40, -0.1)])
def test_impossible_distances_are_refused(field_of_view, margin):
    with pytest.raises(ValueError, match=r"between 0 and 180|at least 0"):
        fitting_distance(cube(), field_of_view, margin)


def test_meshes_that_cannot_be_seen_are_refused():
    with pytest.raises(ValueError, match="without faces"):
        Renderer(flat(np.zeros((3, 3)), np.zeros((0, 3), int)))
    with pytest.raises(ValueError, match="not finite"):
        Renderer(flat([(0, 0, 0), (1, 0, 0), (0, np.nan, 0)], [(0, 1, 2)]))


def test_a_pixel_needs_a_ray():
    with pytest.raises(ValueError, match="0 rays"):
        Renderer(cube()).render(from_above(), rays=0)


def test_fine_textures_do_not_flicker():
    """Black and white texels too fine to be seen are grey, from near and from far."""
    texture = np.full((512, 512, 4), 255, np.uint8)
    texture[(np.indices((512, 512)).sum(0) % 2) == 0, :3] = 0
    renderer = Renderer(sheets([0], Material(colour=(1, 1, 1, 1), texture=texture)), light="none")
    for distance in (2, 5):
        seen = renderer.render(from_above(distance, 60, (48, 48)))
        grey = seen.rgba[seen.rgba[..., 3] == 1][:, 0]
        assert np.abs(grey - 0.5).max() < 0.03


def test_nobody_pays_for_depth_who_does_not_ask(monkeypatch):
    monkeypatch.setattr(Renderer, "_centres", lambda *_: pytest.fail("depth was computed"))
    assert Renderer(cube()).render(from_above()).rgba[..., 3].any()
