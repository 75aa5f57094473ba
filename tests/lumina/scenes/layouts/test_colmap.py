from dataclasses import replace

import numpy as np
import pytest

from lumina.errors import CorruptSample
from lumina.scenes.layouts import read_views, write_views


def turn(w, x, y, z):
    """The rotation of a unit quaternion, as COLMAP documents it."""
    return np.array(
        [
            [1 - 2 * y * y - 2 * z * z, 2 * x * y - 2 * w * z, 2 * x * z + 2 * w * y],
            [2 * x * y + 2 * w * z, 1 - 2 * x * x - 2 * z * z, 2 * y * z - 2 * w * x],
            [2 * x * z - 2 * w * y, 2 * y * z + 2 * w * x, 1 - 2 * x * x - 2 * y * y],
        ]
    )


def test_colmap_sees_a_cube_where_it_is(made, pixels, corners, tmp_path):
    """COLMAP's camera looks along +z, x right, y down; (0.5, 0.5) is the centre of the first pixel."""
    write_views(made(tmp_path / "a"), tmp_path / "b", "colmap")
    sparse = tmp_path / "b" / "sparse" / "0"
    camera = [line for line in (sparse / "cameras.txt").read_text().splitlines() if line[0] != "#"]
    assert len(camera) == 1
    number, model, width, height, *parameters = camera[0].split()
    assert (number, model, width, height) == ("1", "PINHOLE", "32", "24")
    fx, fy, cx, cy = map(float, parameters)
    lines = [line for line in (sparse / "images.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines[1::2] == ["", "", ""]
    for image, line in enumerate(lines[::2]):
        name = line.split()[9]
        assert (tmp_path / "b" / "images" / name).is_file()
        pose = [float(text) for text in line.split()[1:8]]
        x, y, z = turn(*pose[:4]) @ corners.T + np.array(pose[4:])[:, None]
        np.testing.assert_allclose(np.stack((cx + fx * x / z, cy + fy * y / z), axis=1), pixels(image), atol=1e-9)
    assert all(line[0] == "#" for line in (sparse / "points3D.txt").read_text().splitlines())


def test_there_and_back(made, tmp_path):
    views = made(tmp_path / "a", size=(24, 32))
    other = made(tmp_path / "c", size=(8, 8), field_of_view=33.3).views
    views = replace(views, views=(*views.views, *other))
    write_views(views, tmp_path / "b", "colmap")
    for was, view in zip(views.views, read_views(tmp_path / "b").views, strict=True):
        assert was.camera.lens == view.camera.lens
        np.testing.assert_allclose(was.camera.camera_to_world, view.camera.camera_to_world, atol=1e-15)
        assert was.file.read_bytes() == view.file.read_bytes()


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("cameras.txt", "PINHOLE", "OPENCV", "expected a PINHOLE"),
        ("cameras.txt", " 32", " wide", r"cameras\.txt has the line"),
        ("cameras.txt", "\n1 ", "\n7 ", "known CAMERA_ID"),
        ("images.txt", "\n1 ", "\n1", r"images\.txt has the line"),
        ("images.txt", "000.png", "../000.png", "leads out"),
        ("images.txt", "000.png", "", r"images\.txt has the line"),
        ("images.txt", "000.png", "9.png", "missing"),
    ],
)
def test_what_cannot_be_used_is_named(made, tmp_path, file, old, new, reason):
    write_views(made(tmp_path / "a"), tmp_path / "b", "colmap")
    path = tmp_path / "b" / "sparse" / "0" / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CorruptSample, match=reason) as caught:
        read_views(tmp_path / "b")
    assert "\n" not in str(caught.value)
