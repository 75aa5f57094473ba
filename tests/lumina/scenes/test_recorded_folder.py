import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import ConvexHull
from tiny_shapes import write_box

from lumina.data.census import Census
from lumina.scenes.layouts import find_view_sets, read_views
from lumina.scenes.layouts.ours import STRETCHED
from lumina.scenes.recorded_folder import RecordedFolder
from lumina.scenes.recording import Recipe
from lumina.scenes.sources import find_sources

pytest.importorskip("open3d")

RECIPE = Recipe(groups=2, views=2, size=16, rays=1)


def folder(path, recipe=RECIPE, up=None):
    return RecordedFolder(path, recipe, up)


@pytest.fixture
def sources(tmp_path):
    for file in ("oak_chair.obj", "b/lamp.obj"):
        write_box(tmp_path / "in" / file)
    return find_sources(tmp_path / "in", Census())


def test_an_object_is_made_once_and_whole(tmp_path, sources):
    out = folder(tmp_path / "out")
    assert [out.make(one).state for one in (*sources, *sources)] == ["made", "made", "whole", "whole"]
    assert find_view_sets(tmp_path / "out") == [tmp_path / "out/b/lamp", tmp_path / "out/oak_chair"]
    views = read_views(tmp_path / "out/oak_chair")
    assert views.caption == "oak chair" and views.name == "oak_chair" and not any(views.remarks.values())
    assert [(view.group, view.role) for view in views.views] == [
        (group, role) for group in (0, 1) for role in ("view", "view", "reference")
    ]
    placed = views.about["mesh"]
    assert placed["up"] == "y" and placed["scale"] == 0.25 and len(placed["offset"]) == 3
    assert not views.about.keys() & {"up", "scale", "offset"}  # which instant-ngp reads as its own
    assert views.about["file"] == "oak_chair.obj" and views.about["substitutes"] == []
    assert not list((tmp_path / "out").rglob(".*"))


def test_another_mesh_of_the_name_is_told_and_what_is_there_is_kept(tmp_path, sources):
    out, source = folder(tmp_path / "out"), sources[1]
    assert out.make(source).state == "made" and out.settled(source)
    before = source.file.read_bytes()
    write_box(source.file, (3, 2, 4))
    outcome = out.make(source)
    assert not out.settled(source) and outcome.state == "broken"
    assert "oak_chair shows another mesh of that name: remove it" in outcome.remarks[0]
    shown = tmp_path / "out/oak_chair/transforms.json"
    content = json.loads(shown.read_text())
    source.file.write_bytes(before)  # now, so that it is read to compare it
    assert not out.settled(source) and out.make(source).state == "whole"
    del content["mesh"]["digest"]  # as before meshes were compared
    write_box(source.file, (3, 2, 4))
    shown.write_text(json.dumps(content))
    assert out.settled(source) and out.make(source).state == "whole"
    source.file.unlink()
    assert out.settled(source)


def test_a_mesh_of_the_noted_size_and_time_is_not_read(tmp_path, sources, monkeypatch):
    out, source = folder(tmp_path / "out"), sources[1]
    assert out.make(source).state == "made"
    monkeypatch.setattr("lumina.scenes.sources.Source.digest", lambda source: pytest.fail("it is read"))
    assert out.settled(source)
    source.file.touch()
    assert not out.settled(source)
    source.file.unlink()
    assert not out.settled(source)
    monkeypatch.undo()
    assert out.make(source).state == "whole"


def test_what_cannot_be_read_is_told_and_kept(tmp_path, sources):
    out, source = folder(tmp_path / "out"), sources[1]
    assert out.make(source).state == "made"
    (tmp_path / "out/oak_chair/transforms.json").write_text("{")
    outcome = out.make(source)
    assert not out.settled(source) and outcome.state == "broken"
    assert "out/oak_chair cannot be read (transforms.json is no JSON" in outcome.remarks[0]
    assert "remove it to render it anew" in outcome.remarks[0]
    assert len(os.listdir(tmp_path / "out/oak_chair")) == 7


def test_nothing_is_made_in_the_folder_of_another_object(tmp_path, sources):
    out = folder(tmp_path / "out")
    write_box(tmp_path / "in/oak_chair/parts/leg.obj")
    old, (_, named_anew, leg) = sources[1], find_sources(tmp_path / "in", Census())
    assert [named_anew.name, leg.name] == ["oak_chair.obj", "oak_chair/parts/leg"]
    assert out.make(leg).state == "made" and out.settled(leg)
    (tmp_path / "out/oak_chair").rename(tmp_path / "leg")
    assert out.make(old).state == "made"
    outcome = out.make(leg)
    assert outcome.state == "broken" and "out/oak_chair is another object, in which nothing" in outcome.remarks[0]
    (tmp_path / "leg/parts").rename(tmp_path / "out/oak_chair/parts")
    assert out.holds(leg) and not out.settled(leg) and out.make(leg).state == "broken"


def test_names_that_mean_something_to_readers_are_broken(tmp_path):
    refused = ["Test.obj", "settings.json.obj", "train.obj", "transforms.json.obj"]
    for file in (*refused, "toys/train.obj", "val/chair.obj"):
        write_box(tmp_path / "in" / file)
    out = folder(tmp_path / "out")
    out.begin({})
    made = {source.name: out.make(source) for source in find_sources(tmp_path / "in", Census())}
    broken = {name: outcome.remarks[0] for name, outcome in made.items() if outcome.state == "broken"}
    assert len(made) == 6 and {f"{name}.obj" for name in broken} == {*refused}
    assert broken["Test"] == "a folder test would be taken for a split of the data: rename the mesh"
    write_box(tmp_path / "in2/settings.json/chair.obj")
    [below] = find_sources(tmp_path / "in2", Census())
    assert out.make(below).remarks == (broken["settings.json"],)
    (tmp_path / "out/toys").rename(tmp_path / "out/train")  # as an older run may have left it
    (tmp_path / "out/train/train/transforms.json").rename(tmp_path / "out/train/transforms.json")
    [train] = [source for source in find_sources(tmp_path / "in", Census()) if source.name == "train"]
    assert out.holds(train) and not out.settled(train)


def test_objects_of_no_mesh_are_found(tmp_path, sources):
    out = folder(tmp_path / "out")
    out.begin({})
    assert [out.make(source).state for source in sources] == ["made", "made"] and not list(out.strays(sources))
    for left in (".bed.0123abcd.partial", "b/.bed.0123abcd.partial", "oak_chair/inner", "z/bed", "z/bed/inner"):
        (tmp_path / "out" / left).mkdir(parents=True)
        (tmp_path / "out" / left / "transforms.json").touch()
    assert list(out.strays(sources)) == ["z/bed"]
    assert list(out.strays(sources[:1])) == ["oak_chair", "z/bed"]


def test_broken_meshes_are_outcomes(tmp_path, sources):
    sources[0].file.write_text("v 0 0 0\n")
    sources[1].file.unlink()
    out = folder(tmp_path / "out")
    made = [out.make(source) for source in sources]
    assert [one.state for one in made] == ["broken", "broken"]
    assert "lamp.obj: " in made[0].remarks[0] and "No such file" in made[1].remarks[0]
    assert not list((tmp_path / "out").rglob("*.*"))


def test_names_that_make_trouble_cost_one_object_at_most(tmp_path):
    odd = [os.fsdecode(b"lat\xe9in"), "n" * 250]
    for stem in odd:
        write_box(tmp_path / "in" / f"{stem}.obj")
    out = folder(tmp_path / "out")
    out.begin({"folder": odd[0]})
    made = {one.name: out.make(one) for one in find_sources(tmp_path / "in", Census())}
    assert made[odd[0]].state == "made" and read_views(tmp_path / "out" / odd[0]).name == odd[0]
    assert made[odd[1]].state == "broken" and "too long" in made[odd[1]].remarks[0]
    out.begin({"folder": odd[0]})  # the same settings, as they are read back


def test_what_cannot_be_seen_is_broken(tmp_path):
    file = tmp_path / "line.obj"
    file.write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    [source] = find_sources(file, Census())
    outcome = folder(tmp_path / "out").make(source)
    assert outcome.state == "broken" and "all its pictures are empty" in outcome.remarks[0]


def test_what_is_black_from_all_sides_is_said(tmp_path):
    file = write_box(tmp_path / "in" / "box.obj")
    file.with_suffix(".mtl").write_text("newmtl night\nKd 0 0 0\n")
    file.write_text("mtllib box.mtl\nusemtl night\n" + file.read_text())
    [source] = find_sources(file, Census())
    outcome = folder(tmp_path / "out").make(source)
    assert outcome.state == "made" and "it is black from all sides" in outcome.remarks
    assert "it is black from all sides" in read_views(tmp_path / "out/box").about["substitutes"]


def test_two_at_once_share_the_work(tmp_path, sources):
    out, barrier = folder(tmp_path / "out"), Barrier(4)

    def make_all(_):
        barrier.wait()
        out.begin({})
        return [out.make(source).state for source in sources]

    with ThreadPoolExecutor(4) as threads:
        states = [state for made in threads.map(make_all, range(4)) for state in made]
    assert states.count("made") == 2 and set(states) <= {"made", "taken", "whole"}
    assert all(out.holds(source) for source in sources)
    assert not list((tmp_path / "out").rglob(".*"))


def test_what_a_kill_left_is_not_taken_for_whole(tmp_path, sources):
    left = tmp_path / "out/.oak_chair.0123abcd.partial"
    left.mkdir(parents=True)
    (left / "transforms.json").touch()
    out = folder(tmp_path / "out")
    assert find_view_sets(tmp_path / "out") == [] and out.make(sources[1]).state == "made"
    assert os.listdir(tmp_path / "out") == ["oak_chair"]


def test_a_place_that_holds_something_else_is_left_and_told(tmp_path, sources):
    (tmp_path / "out/oak_chair/mine").mkdir(parents=True)
    outcome = folder(tmp_path / "out").make(sources[1])
    assert outcome.state == "broken" and "oak_chair holds something else: remove it" in outcome.remarks[0]
    assert (tmp_path / "out/oak_chair/mine").is_dir()


def test_settings_are_kept(tmp_path):
    folder(tmp_path).begin({"folder": "in"})
    folder(tmp_path).begin({"folder": "in"})
    with pytest.raises(
        ValueError, match="was rendered with seed 0, now 1; up None, now z; folder in, now other: choose"
    ):
        folder(tmp_path, Recipe(groups=2, views=2, size=16, rays=1, seed=1), "z").begin({"folder": "other"})
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(ValueError, match=r"settings\.json cannot be read .*; choose a new or empty folder"):
        folder(tmp_path).begin({})


def test_stretched_groups_are_told_and_another_stretch_is_refused(tmp_path, sources):
    out = folder(tmp_path / "out", replace(RECIPE, groups=3, stretch=2.0))
    out.begin({})
    assert out.make(sources[0]).state == "made"
    views = read_views(tmp_path / "out" / sources[0].name)
    *plain, stretched = views.about["stretches"]
    assert plain == [[1, 1, 1]] * 2 and stretched != [1, 1, 1]
    assert views.remarks[STRETCHED] == 3 and views.stretch(views.views[-1]) == tuple(stretched)
    with pytest.raises(ValueError, match=r"rendered with stretch 2\.0, now 1\.0"):
        folder(tmp_path / "out", replace(RECIPE, groups=3)).begin({})


MARKED = """mtllib cube.mtl
v -1 -1 -1\nv -1 -1 1\nv -1 1 -1\nv -1 1 1\nv 1 -1 -1\nv 1 -1 1\nv 1 1 -1\nv 1 1 1
v 1 0.2 0.2\nv 1 0.8 0.2\nv 1 0.8 0.8\nv 1 0.2 0.8
usemtl plain
f 1 2 4 3\nf 1 5 6 2\nf 3 4 8 7\nf 1 3 7 5\nf 2 6 8 4
f 5 7 10 9\nf 7 8 11 10\nf 8 6 12 11\nf 6 5 9 12
usemtl mark
f 9 10 11 12
"""
"""A cube, y up, with a red square on its right side: high up, and towards the front."""


def seen_by_nerfstudio(folder):
    """The picture and the projection of each frame, by nothing but nerfstudio's description of its format.

    Cameras are OpenGL's: x is right, y up, and they look along -z; matrices lead from there to the world. Pixel (0, 0)
    reaches from 0 to 1 on both axes, x to the right and y down.
    """
    content = json.loads((folder / "transforms.json").read_text())

    def projection(to_world):
        def project(points):
            x, y, z = (np.linalg.inv(to_world) @ np.column_stack((points, np.ones(len(points)))).T)[:3]
            across, down = content["fl_x"] * x / -z, -content["fl_y"] * y / -z
            return np.column_stack((content["cx"] + across, content["cy"] + down))

        return project

    for frame in content["frames"]:
        with Image.open(folder / frame["file_path"]) as picture:
            assert picture.size == (content["w"], content["h"])
            matrix = np.array(frame["transform_matrix"])
            yield np.array(picture.convert("RGBA")), matrix[:3, 3], projection(matrix)


def test_nerfstudio_finds_a_recorded_cube_in_its_pictures(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/cube.obj").write_text(MARKED)
    (tmp_path / "in/cube.mtl").write_text("newmtl plain\nKd 0.8 0.8 0.8\nnewmtl mark\nKd 1 0 0\n")
    recipe = Recipe(groups=2, views=4, size=64, rays=16, light="none", elevation=(-30.0, 60.0))
    out = folder(tmp_path / "out", recipe)
    assert [out.make(source).state for source in find_sources(tmp_path / "in", Census())] == ["made"]
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    mark, outwards, shown = np.array([0.5, -0.25, 0.25]), np.array([1, 0, 0]), []
    for picture, eye, project in seen_by_nerfstudio(tmp_path / "out/cube"):
        silhouette = np.argwhere(picture[..., 3])[:, ::-1] + 0.5
        found = project(corners)
        assert np.linalg.norm(silhouette[:, None] - found, axis=-1).min(0).max() <= 0.75
        edges = ConvexHull(found).equations
        assert (silhouette @ edges[:, :2].T + edges[:, 2]).max() <= 0.75  # and nothing is outside of the corners
        red = (picture[..., 3] == 255) & (picture[..., 0] > 250) & (picture[..., 1] < 5)
        shown.append((eye - mark) @ outwards > 0)
        if shown[-1]:
            x, y = project(mark[None])[0].astype(int)
            assert red[y, x]
        else:
            assert not red.any()
    assert len(shown) == 10 and {*shown} == {True, False}
