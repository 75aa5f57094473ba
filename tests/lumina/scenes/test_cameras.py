import numpy as np
import pytest

from lumina.scenes.cameras import Camera, apart, azimuth_elevation, camera_to_world, faults, wrapped


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (33, 20), (269.5, -10), (180, 85)])
def test_a_camera_stands_where_it_was_put_and_looks_at_the_origin(azimuth, elevation):
    matrix = camera_to_world(azimuth, elevation, 2.5)
    np.testing.assert_allclose(azimuth_elevation(matrix), (azimuth, elevation), atol=1e-9)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 3] - 2.5 * matrix[:3, 2], 0, atol=1e-12)  # it looks along -z
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)


def test_the_field_of_view_is_horizontal():
    camera = Camera.around(0, 0, 2, 90, (32, 64))
    assert camera.focal == pytest.approx((32, 32))
    assert camera.centre == (32, 16)


CORNERS = np.array([[x, y, z] for x in (-0.3, 0.3) for y in (-0.3, 0.3) for z in (-0.3, 0.3)])


@pytest.mark.parametrize("azimuth", [0, 33.25, -90, 359.5])
def test_a_whole_turn_changes_nothing(azimuth):
    np.testing.assert_array_equal(camera_to_world(azimuth, 20, 2), camera_to_world(azimuth + 360, 20, 2))
    np.testing.assert_array_equal(camera_to_world(azimuth, 20, 2), camera_to_world(azimuth - 720, 20, 2))
    assert apart(azimuth, azimuth + 360) == 0
    assert apart(azimuth, azimuth + 719) == pytest.approx(1)


def test_an_azimuth_is_never_360():
    matrix = camera_to_world(0, 0, 2)
    matrix[1, 3] = -1e-17
    assert azimuth_elevation(matrix)[0] == 0
    assert wrapped(-1e-17) == wrapped(360) == wrapped(720) == 0


def test_a_point_is_seen_where_opencv_says():
    camera = Camera.around(33, 20, 2, 40, (24, 32))
    seen = CORNERS @ camera.opencv[:3, :3].T + camera.opencv[:3, 3]
    pixels = seen @ camera.intrinsics.T
    np.testing.assert_allclose(camera.project(CORNERS), np.c_[pixels[:, :2] / pixels[:, 2:], seen[:, 2]], atol=1e-12)
    assert camera.project(np.zeros((1, 3)))[0] == pytest.approx((16, 12, 2))  # the origin is in the middle, 2 away
    x, y, _ = camera.project(np.array([[0, 0, 0.1]]))[0]
    assert x == pytest.approx(16)
    assert y < 12  # up in the world is up in the picture
    again = Camera.of_opencv(camera.opencv, camera.lens)
    np.testing.assert_allclose(again.camera_to_world, camera.camera_to_world, atol=1e-15)


def test_a_resized_picture_shows_the_same():
    camera = Camera.around(33, 20, 2, 40, (24, 32))
    small = camera.resized((12, 8))
    assert small.size == (12, 8)
    scaled = camera.project(CORNERS) * (8 / 32, 12 / 24, 1)
    np.testing.assert_allclose(small.project(CORNERS), scaled, atol=1e-12)
    assert small.field_of_view == pytest.approx(camera.field_of_view)


def test_what_is_no_pose_is_told_apart():
    good = camera_to_world(33, 20, 2)
    rounded = np.round(good, 6)
    changed = {fault: good.copy() for fault in ("not finite", "last row", "orthonormal", "mirrors", "at the origin")}
    changed["not finite"][0, 0] = np.nan
    changed["last row"][3, 0] = 1
    changed["orthonormal"][:3, :3] *= 1.01
    changed["mirrors"][:3, 0] *= -1
    changed["at the origin"][:3, 3] = 0
    found = faults(np.stack([good, rounded, *changed.values()]))
    assert found[:2] == [None, None]
    for fault, text in zip(changed, found[2:], strict=True):
        assert fault in text
