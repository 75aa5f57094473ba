import json
import warnings

import numpy as np
import pytest
from PIL import Image

from lumina.cli import main
from lumina.scenes.cameras import Camera
from lumina.scenes.layouts import find_view_sets, read_views, write_views
from lumina.scenes.views import View, ViewSet


def write(folder, azimuths=(33, 270), claim=None):
    folder.mkdir(parents=True)
    views = []
    for azimuth in azimuths:
        file = folder / f"{azimuth}.png"
        Image.new("RGBA", (16, 16), (azimuth % 256, 0, 0, 9)).save(file)
        views.append(View(file=file, camera=Camera.around(azimuth, 20, 2, 40, (16, 16))))
    write_views(ViewSet(name=folder.name, caption="a chair", views=tuple(views)), folder)
    if claim is not None:
        content = json.loads((folder / "transforms.json").read_text())
        content["frames"][0]["azimuth"] = claim
        (folder / "transforms.json").write_text(json.dumps(content))


def run(*arguments):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        main(["views", *map(str, arguments)])
    return [str(warning.message) for warning in said]


@pytest.mark.parametrize("layout", ["zero123", "colmap"])
def test_a_data_set_goes_there_and_back(tmp_path, capsys, layout):
    write(tmp_path / "a" / "x" / "1", claim=30)
    write(tmp_path / "a" / "2")
    said = run(tmp_path / "a", tmp_path / "b", f"--layout={layout}")
    assert [text for text in said if "azimuth" in text] == [text for text in said if "1 view of 1 object" in text] != []
    assert f"The layout {layout} has no place for captions: they were left out." in capsys.readouterr().out
    run(tmp_path / "b", tmp_path / "c")
    told = capsys.readouterr().out
    assert "4 views of 2 objects" in told and "no place" not in told
    assert [place.relative_to(tmp_path / "c").as_posix() for place in find_view_sets(tmp_path / "c")] == ["2", "x/1"]
    for was, now in zip(read_views(tmp_path / "a" / "2").views, read_views(tmp_path / "c" / "2").views, strict=True):
        assert was.file.read_bytes() == now.file.read_bytes()
        np.testing.assert_allclose(was.camera.camera_to_world, now.camera.camera_to_world, atol=1e-14)
        assert was.camera.lens == now.camera.lens


def test_what_is_no_object_is_told(tmp_path):
    write(tmp_path / "a" / "1")
    (tmp_path / "a" / "x.tar").write_bytes(b"")
    assert run(tmp_path / "a", tmp_path / "b") == [
        f"left out .tar archives beside folders of objects: 1, for example {tmp_path / 'a' / 'x.tar'}"
    ]


def test_one_object_is_written_into_the_folder_itself(tmp_path):
    write(tmp_path / "a")
    (tmp_path / "b").mkdir()
    run(tmp_path / "a", tmp_path / "b")
    assert sorted(file.name for file in (tmp_path / "b").iterdir()) == ["270.png", "33.png", "transforms.json"]
    assert read_views(tmp_path / "b").caption == "a chair"


def test_an_object_that_cannot_be_read_is_named_and_leaves_nothing(tmp_path, capsys):
    write(tmp_path / "a" / "1")
    write(tmp_path / "a" / "2")
    (tmp_path / "a" / "2" / "33.png").unlink()
    said = run(tmp_path / "a", tmp_path / "b")
    assert said == [f"left out {tmp_path / 'a' / '2'}: 1 of 2 pictures are missing, 33.png first"]
    assert [file.name for file in (tmp_path / "b").iterdir()] == ["1"]
    assert "2 views of 1 object, 1 left out" in capsys.readouterr().out


def test_what_the_layout_cannot_hold_is_named(tmp_path):
    write(tmp_path / "a" / "1")
    content = json.loads((tmp_path / "a" / "1" / "transforms.json").read_text())
    content["frames"][0]["fl_x"] = 30
    (tmp_path / "a" / "1" / "transforms.json").write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="2 lenses"), pytest.raises(SystemExit):
        main(["views", str(tmp_path / "a"), str(tmp_path / "b"), "--layout=zero123"])
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("folder", "output", "reason"),
    [("a", "used", "in use"), ("a", "a/b", "outside of it"), ("used", "b", "no views"), ("nowhere", "b", "nowhere")],
)
def test_folders_are_checked_first(tmp_path, capsys, folder, output, reason):
    write(tmp_path / "a")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    with pytest.raises(SystemExit) as ended:
        main(["views", str(tmp_path / folder), str(tmp_path / output)])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err
