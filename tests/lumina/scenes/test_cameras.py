import numpy as np
import pytest

from lumina.scenes.cameras import Camera, azimuth_elevation, camera_to_world


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
