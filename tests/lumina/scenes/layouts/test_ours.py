import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lumina.errors import CorruptSample
from lumina.scenes.layouts import find_view_sets, read_views, write_views
from lumina.scenes.layouts.layout import LOOKS_PAST, UNEQUAL
from lumina.scenes.layouts.ours import CLAIM, DISTORTED


@pytest.fixture
def written(made, tmp_path):
    """Writes an object's views, lets a function change the JSON, and returns the folder."""

    def write(change=lambda content: None):
        views = made(tmp_path / "a")
        write_views(views, tmp_path / "a")
        file = tmp_path / "a" / "transforms.json"
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))
        return tmp_path / "a"

    return write


def test_what_is_written_is_read_to_the_last_bit(made, tmp_path):
    views = made(tmp_path / "a")
    write_views(views, tmp_path / "a")
    again = read_views(tmp_path / "a")
    assert (again.name, again.caption, again.about) == (views.name, views.caption, views.about)
    assert again.remarks == {}
    for was, view in zip(views.views, again.views, strict=True):
        np.testing.assert_array_equal(was.camera.camera_to_world, view.camera.camera_to_world)
        for name in ("focal", "centre", "size"):
            assert getattr(was.camera, name) == getattr(view.camera, name)
        assert (was.file, was.group, was.role) == (view.file, view.group, view.role)
    frame = json.loads((tmp_path / "a" / "transforms.json").read_text())["frames"][2]
    assert (round(frame["azimuth"], 9), round(frame["elevation"], 9), frame["role"]) == (33.3, -8, "reference")


def test_pictures_from_elsewhere_are_copied(made, tmp_path):
    write_views(made(tmp_path / "a"), tmp_path / "b")
    assert [view.file.parent for view in read_views(tmp_path / "b").views] == 3 * [tmp_path / "b"]
    assert find_view_sets(tmp_path) == [tmp_path / "b"]


def test_cameras_that_differ_keep_their_own_numbers(made, tmp_path):
    views = made(tmp_path / "a")
    other = made(tmp_path / "b", size=(40, 40), field_of_view=50).views[0]
    write_views(replace(views, views=(*views.views, other)), tmp_path / "c")
    again = read_views(tmp_path / "c")
    assert [view.camera.size for view in again.views] == [*3 * [(24, 32)], (40, 40)]
    assert again.views[3].camera.field_of_view == pytest.approx(50)
    assert again.remarks == {UNEQUAL: 1}


def test_the_matrix_counts_whatever_the_file_claims(written):
    def change(content):
        content["frames"][0]["azimuth"] = 34.2  # less than a degree off
        content["frames"][1]["azimuth"] = 275 - 360
        content["frames"][2]["elevation"] = 8

    views = read_views(written(change))
    assert views.remarks == {CLAIM: 1}
    assert views.views[2].camera.elevation == pytest.approx(-8)


def test_a_camera_that_looks_past_the_object_and_a_distorted_lens_are_kept_and_counted(written):
    def change(content):
        content["frames"][0]["transform_matrix"][0][3] = 9
        content |= {"k1": 0.1, "ply_file_path": "points.ply", "train_filenames": ["000.png"]}

    views = read_views(written(change))
    assert views.remarks[LOOKS_PAST] == 1
    assert views.remarks[DISTORTED] == 3
    assert views.about.keys() == {"scale", "up", "k1"}  # files that stay behind are not named


@pytest.mark.parametrize("stretches", [[[1, 1]], "wide", [[1, 1, 1], [2, 1]], [], 3])
def test_stretches_that_are_none_are_refused(written, stretches):
    with pytest.raises(CorruptSample, match="stretches"):
        read_views(written(lambda content: content.update(stretches=stretches)))


def test_files_of_others_may_say_less(written):
    def change(content):
        for key in content.keys() - {"camera_angle_x", "frames"}:
            del content[key]
        for frame in content["frames"]:
            file, matrix = frame["file_path"], frame["transform_matrix"]
            frame.clear()
            frame |= {"file_path": f"./{file[:-4]}", "transform_matrix": matrix[:3]}

    views = read_views(written(change))
    assert (views.name, views.caption, views.about, views.remarks) == ("a", "", {}, {})
    camera = views.views[2].camera
    assert (camera.size, camera.centre) == ((24, 32), (16, 12))
    assert camera.focal == pytest.approx(2 * [16 / np.tan(np.radians(20))])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c["frames"][1]["transform_matrix"][0].__setitem__(0, 5), "matrix of 001.png is not orthonormal"),
        (lambda c: [row.__setitem__(0, -row[0]) for row in c["frames"][1]["transform_matrix"]], "001.png mirrors"),
        (lambda c: c["frames"][1]["transform_matrix"][0].__setitem__(0, float("nan")), "001.png holds .* not finite"),
        (lambda c: c["frames"][1]["transform_matrix"][0].__setitem__(0, "1"), "matrix of 001.png is"),
        (lambda c: c["frames"][1]["transform_matrix"][3].pop(), "expected 4 by 4"),
        (lambda c: c["frames"][1].pop("transform_matrix"), "lacks 'transform_matrix'"),
        (lambda c: c["frames"][1].update(file_path="../b.png"), "leads out of the folder"),
        (lambda c: c["frames"][1].update(file_path="/etc/passwd"), "leads out of the folder"),
        (lambda c: c["frames"][1].update(file_path=7), "no name of a picture"),
        (lambda c: c["frames"][1].update(file_path="b.png"), "1 of 3 pictures are missing, b.png first"),
        (lambda c: c["frames"][1].update(role="king"), "role 'king'"),
        (lambda c: c["frames"][1].update(group=[]), "group"),
        (lambda c: c.update(frames=[]), "no views"),
        (lambda c: c.update(frames={}), "no list"),
        (lambda c: c.update(caption=3), "no text"),
        (lambda c: c.update(caption="half \ud83d pair"), "invalid Unicode"),
        (lambda c: c.update(fl_x=0), "not positive"),
        (lambda c: c.update(h=1e308), "not 1 to 65536"),
        (lambda c: c.update(w=0.5), "not 1 to 65536"),
        (lambda c: c.update(fl_x=float("inf")), "not finite"),
        (lambda c: c["frames"][1]["transform_matrix"][0].__setitem__(3, 1e39), "001.png holds .* not finite"),
        (lambda c: c.update(fl_x=1e300), "a lens of more than"),
        (lambda c: c.update(w="wide"), "w is 'wide'"),
        (lambda c: c.update(fl_x=None, camera_angle_x=None), "lacks .*camera_angle_x"),
    ],
)
def test_what_cannot_be_used_is_named(written, change, reason):
    folder = written(change)
    with pytest.raises(CorruptSample, match=reason) as caught:
        read_views(folder)
    assert "\n" not in str(caught.value)


def test_a_picture_without_size_in_the_file_must_be_one(written):
    folder = written(lambda content: [content.pop(key) for key in "wh"])
    (folder / "000.png").write_bytes(b"none")
    with pytest.raises(CorruptSample, match=r"000\.png"):
        read_views(folder)
    Image.new("L", (5, 5)).save(folder / "000.png")
    assert read_views(folder).views[0].camera.size == (5, 5)


def test_nerfstudio_sees_a_cube_where_it_is(made, pixels, corners, tmp_path):
    """nerfstudio shoots the ray of a pixel along ((x - cx) / fl_x, -(y - cy) / fl_y, -1) of the camera's axes."""
    write_views(made(tmp_path / "a"), tmp_path / "a")
    content = json.loads((tmp_path / "a" / "transforms.json").read_text())
    assert (content["w"], content["h"]) == (32, 24)
    assert content["camera_angle_x"] == pytest.approx(np.radians(40))
    for number, frame in enumerate(content["frames"]):
        x, y = pixels(number).T
        directions = np.stack(
            ((x - content["cx"]) / content["fl_x"], -(y - content["cy"]) / content["fl_y"], -np.ones(len(x))), axis=1
        )
        matrix = np.array(frame["transform_matrix"])
        rays = directions @ matrix[:3, :3].T
        seen = corners - matrix[:3, 3]
        np.testing.assert_allclose(np.cross(rays, seen), 0, atol=1e-12)
        assert (np.einsum("pi,pi->p", rays, seen) > 0).all()


def test_depth_and_normals_are_copied_under_names_of_their_own(made, tmp_path):
    views = made(tmp_path / "a")
    (tmp_path / "a" / "depth").mkdir()
    more = []
    for view in views.views:
        for kind in ("depth", "."):
            (tmp_path / "a" / kind / f"{view.file.stem}.npy").write_text(f"{kind} {view.file.stem}")
        depth, normals = (tmp_path / "a" / kind / f"{view.file.stem}.npy" for kind in ("depth", "."))
        more.append(replace(view, depth=depth, normals=normals))
    write_views(replace(views, views=tuple(more)), tmp_path / "b")
    for view in read_views(tmp_path / "b").views:
        assert view.depth.read_text() == f"depth {view.file.stem}"
        assert view.normals.read_text() == f". {view.file.stem}"


def test_a_picture_that_is_there_is_not_replaced(made, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "001.png").touch()
    with pytest.raises(FileExistsError, match=r"001\.png exists"):
        write_views(made(tmp_path / "a"), tmp_path / "b")
