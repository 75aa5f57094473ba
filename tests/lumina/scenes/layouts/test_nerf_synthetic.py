import json

import numpy as np
import pytest

from lumina.errors import CorruptSample
from lumina.scenes.layouts import find_view_sets, read_views


@pytest.fixture
def lego(made, tmp_path):
    views = made(tmp_path / "lego")
    for split, view in zip(("train", "test", "val"), views.views, strict=True):
        (tmp_path / "lego" / split).mkdir()
        view.file.rename(tmp_path / "lego" / split / "r_0.png")
        matrix = view.camera.camera_to_world.tolist()
        frame = {"file_path": f"./{split}/r_0", "rotation": 0.01, "transform_matrix": matrix}
        content = {"camera_angle_x": np.radians(40), "frames": [frame]}
        (tmp_path / "lego" / f"transforms_{split}.json").write_text(json.dumps(content))
    return tmp_path / "lego"


def test_all_splits_are_read(lego, pixels, corners):
    assert find_view_sets(lego) == [lego]
    views = read_views(lego).views
    assert [view.file.parent.name for view in views] == ["train", "val", "test"]
    for number, view in zip((0, 2, 1), views, strict=True):
        np.testing.assert_allclose(view.camera.project(corners)[:, :2], pixels(number), atol=1e-9)


def test_a_path_out_of_the_folder_is_refused(lego):
    file = lego / "transforms_val.json"
    file.write_text(file.read_text().replace("./val", "../val"))
    with pytest.raises(CorruptSample, match="leads out"):
        read_views(lego)
