from PIL import Image
from tiny_views import write_object, write_objects

from lumina.scenes.cameras import Camera
from lumina.scenes.layouts import read_views, write_views
from lumina.scenes.sets import FolderSets
from lumina.scenes.survey import lines


def told(root, captions=None):
    sets = FolderSets(root)
    return list(lines(sets, range(len(sets.names)), captions or {}))


def test_counts_and_shares(tmp_path):
    write_objects(tmp_path, 2, azimuths=[range(0, 360, 45)] * 4, caption="a ball")
    write_objects(tmp_path / "more", 2, azimuths=[(0, 90)], references=False)
    (line,) = told(tmp_path, {"object00": "a ball"})
    assert line == (
        "2 to 32 views of an object in 1 to 4 groups, 75% with a caption, 50% with a reference of their own (of 4 "
        "objects looked at)"
    )


def test_broken_view_sets_are_passed_over(tmp_path):
    write_objects(tmp_path, 2)
    (tmp_path / "object00" / "transforms.json").write_text("")
    assert "of 1 object " in told(tmp_path)[0]
    (tmp_path / "object01" / "transforms.json").write_text("")
    assert told(tmp_path) == []


def test_elevations_that_the_model_is_not_told(tmp_path):
    from dataclasses import replace

    views = read_views(write_object(tmp_path / "ball", references=False))
    cameras = [Camera.around(view.camera.azimuth, 30 * n, 3, 40, (16, 16)) for n, view in enumerate(views.views[:3])]
    tilted = [replace(view, camera=camera) for view, camera in zip(views.views, cameras, strict=False)]
    write_views(replace(views, views=tuple(tilted)), tmp_path / "ball")
    assert "100% of the groups differ in elevation, by up to 60 degrees" in told(tmp_path)[1]


def test_pictures_without_transparency(tmp_path):
    write_objects(tmp_path, 2)
    for file in (tmp_path / "object01").glob("*.png"):
        Image.open(file).convert("RGB").save(file)
    assert told(tmp_path)[1].startswith("the pictures of 50% of the objects have no transparency")


def test_remarks(tmp_path):
    import json

    file = write_object(tmp_path / "ball") / "transforms.json"
    content = json.loads(file.read_text())
    content["frames"][0]["azimuth"] += 90
    file.write_text(json.dumps(content))
    assert "the matrix counts: 1 view of 1 object" in told(tmp_path)[1]
