import os
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lumina.errors import CorruptSample
from lumina.scenes.layouts import find_view_sets, read_views, write_views
from lumina.scenes.layouts.zero123 import FIELD_OF_VIEW, UNPAIRED, UNPOSED


@pytest.fixture
def written(made, tmp_path):
    views = made(tmp_path / "a", size=(32, 32), field_of_view=FIELD_OF_VIEW)
    write_views(views, tmp_path / "z" / "uid", "zero123")
    return tmp_path / "z" / "uid"


def test_zero123_sees_a_cube_where_it_is(written, pixels, corners):
    """A point times the 3x4 matrix lies in Blender's camera axes: x right, y up, the camera looks along -z."""
    assert FIELD_OF_VIEW == pytest.approx(49.13, abs=0.005)
    assert sorted(os.listdir(written)) == [f"{n:03d}.{kind}" for n in range(3) for kind in ("npy", "png")]
    for number in range(3):
        matrix = np.load(written / f"{number:03d}.npy")
        assert (matrix.shape, matrix.dtype) == ((3, 4), np.float64)
        x, y, z = matrix[:, :3] @ corners.T + matrix[:, 3:]
        focal = 35 / 32 * 32  # lens over sensor, times the picture's width
        seen = np.stack((16 + focal * x / -z, 16 - focal * y / -z), axis=1)
        np.testing.assert_allclose(seen, pixels(number, (32, 32), FIELD_OF_VIEW), atol=1e-9)


def test_azimuth_and_elevation_are_those_of_zero123(written):
    for number, view in enumerate(read_views(written).views):
        matrix = np.load(written / f"{number:03d}.npy")
        x, y, z = -matrix[:, :3].T @ matrix[:, 3]  # as its readers find the camera's place
        assert view.camera.azimuth == pytest.approx(np.degrees(np.arctan2(y, x)) % 360)
        assert view.camera.elevation == pytest.approx(np.degrees(np.arcsin(z / np.linalg.norm([x, y, z]))))


@pytest.mark.parametrize("lens", [FIELD_OF_VIEW, 40])
def test_there_and_back(made, tmp_path, lens):
    views = made(tmp_path / "a", field_of_view=lens)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        write_views(views, tmp_path / "b", "zero123")
    assert ["49.13 degrees; these views have 40.00" in str(warning.message) for warning in said] == [True] * (
        lens == 40
    )
    assert find_view_sets(tmp_path) == [tmp_path / "b"]
    again = read_views(tmp_path / "b")
    assert again.remarks == {}
    for was, view in zip(views.views, again.views, strict=True):
        assert was.camera.lens == view.camera.lens
        np.testing.assert_allclose(was.camera.camera_to_world, view.camera.camera_to_world, atol=1e-15)
        assert was.file.read_bytes() == view.file.read_bytes()


def test_views_of_several_sizes_are_refused(made, tmp_path):
    views = (*made(tmp_path / "a").views, *made(tmp_path / "b", size=(8, 8)).views)
    with pytest.raises(ValueError, match="2 lenses or sizes"):
        write_views(replace(made(tmp_path / "c"), views=views), tmp_path / "d", "zero123")


def test_a_pose_without_a_picture_is_left_out_and_counted(written):
    (written / "000.png").unlink()
    assert read_views(written).remarks == {UNPAIRED: 1}
    assert len(read_views(written).views) == 2


def test_a_picture_without_a_pose_is_left_out_and_counted(written):
    (written / "001.npy").unlink()
    (written / "sheet.png").write_bytes(b"")
    assert read_views(written).remarks == {UNPOSED: 1}


@pytest.mark.parametrize("kind", ["pickle", "objects", "shape", "nan", "singular", "scaled", "text", "long", "picture"])
def test_what_cannot_be_used_is_named(written, tmp_path, kind):
    class Run:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    matrix = np.load(written / "001.npy")
    if kind == "pickle":
        (written / "001.npy").write_bytes(pickle.dumps(Run()))
    elif kind == "objects":
        np.save(written / "001.npy", np.array([Run()], dtype=object), allow_pickle=True)
    elif kind == "picture":
        (written / "001.png").write_bytes(b"")
    else:
        changed = {"shape": matrix[:2], "nan": matrix * np.nan, "singular": 0 * matrix, "scaled": 2 * matrix}
        changed["long"] = np.zeros((3, 4000))
        np.save(written / "001.npy", changed.get(kind, matrix.astype(str)))
    with pytest.raises(CorruptSample, match="001") as caught:
        read_views(written)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("name", "mode"), [("x.webp", "RGBA"), ("x.jpg", "CMYK")])
def test_pictures_of_other_formats_become_png(made, tmp_path, name, mode):
    views = made(tmp_path / "a", field_of_view=FIELD_OF_VIEW)
    write_views(views, tmp_path / "a")
    text = (tmp_path / "a" / "transforms.json").read_text()
    Image.open(tmp_path / "a" / "000.png").convert(mode).save(tmp_path / "a" / name)
    (tmp_path / "a" / "transforms.json").write_text(text.replace("000.png", name))
    write_views(read_views(tmp_path / "a"), tmp_path / "b", "zero123")
    assert Image.open(tmp_path / "b" / "000.png").format == "PNG"
