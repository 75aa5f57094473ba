import json
import os

import numpy as np
import pytest

from lumina.errors import CorruptSample
from lumina.scenes.layouts import find_view_sets, read_views


@pytest.fixture
def object_folder(made, tmp_path):
    """A folder as the set has it, of cameras whose axes are found by hand: y points down and z forwards."""
    views = made(tmp_path / ".made", size=(32, 32))
    folder = tmp_path / "0" / "10019" / "campos_512_v4"
    for number, (azimuth, elevation) in enumerate([(33.3, 20), (275, 20), (33.3, -8)]):
        a, e = np.radians((azimuth, elevation))
        origin = 2.1 * np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        right = np.array([-np.sin(a), np.cos(a), 0])
        content = {"x": right, "y": np.cross(-origin / 2.1, right), "z": -origin / 2.1, "origin": origin}
        place = folder / f"{number:05d}"
        place.mkdir(parents=True)
        os.rename(views.views[number].file, place / f"{number:05d}.png")
        (place / f"{number:05d}.json").write_text(
            json.dumps({k: v.tolist() for k, v in content.items()} | {"bbox": []})
        )
    return folder


def test_a_cube_is_where_it_is(object_folder, tmp_path, pixels, corners):
    assert find_view_sets(tmp_path) == [object_folder.parent]  # its name is the object's, as lists have it
    views = read_views(object_folder.parent)
    assert (views.name, views.remarks) == (read_views(object_folder).name, {}) == ("0/10019", {})
    for number, view in enumerate(views.views):
        assert view.camera.focal[0] / 32 == pytest.approx(1422.222 / 1024)
        seen = view.camera.project(corners)[:, :2]
        np.testing.assert_allclose(seen, pixels(number, (32, 32), view.camera.field_of_view), atol=1e-9)


def test_a_lens_of_its_own_counts(object_folder):
    file = object_folder / "00001" / "00001.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"x_fov": np.radians(50)}))
    assert [round(view.camera.field_of_view, 1) for view in read_views(object_folder).views] == [39.6, 50.0, 39.6]


@pytest.mark.parametrize(("key", "value"), [("x", [1, 2]), ("x", [2, 0, 0]), ("z", None), ("origin", [0, 0, 0])])
def test_what_cannot_be_used_is_named(object_folder, key, value):
    file = object_folder / "00001" / "00001.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    with pytest.raises(CorruptSample, match="00001"):
        read_views(object_folder)
