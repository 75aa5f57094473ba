import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from tiny_views import write_object, write_objects

from lumina.data.census import Census
from lumina.errors import CorruptSample
from lumina.scenes.layouts import BESIDE, read_views, write_views
from lumina.scenes.packed import PackedSets, by_object, open_sets


def pack(folder, tar, rename=str):
    with tarfile.open(tar, "w") as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                packed.add(file, rename(str(file.relative_to(folder))))
    return tar


def opened(root, **options):
    return open_sets(root, options.pop("cache", None), Census())


def grouped(*names):
    census = Census()
    found = by_object({name: (number, 1) for number, name in enumerate(names)}, census)
    return {name: sorted(inside) for name, inside in found.items()}, census


def test_view_sets_of_archives_are_those_of_folders(tmp_path):
    write_objects(tmp_path / "views", 3, caption="a ball")
    pack(tmp_path / "views", tmp_path / "a.tar", lambda name: f"some/{name}")
    packed, folders = opened(tmp_path / "a.tar"), opened(tmp_path / "views")
    assert packed.names == [f"a.tar:some/object0{n}" for n in range(3)]
    assert packed.objects == [f"some/object0{n}" for n in range(3)]
    one, other = packed.open(1), folders.open(1)
    assert one.views.caption == "a ball" and len(one.views.views) == len(other.views.views) == 5
    for view, same in zip(one.views.views, other.views.views, strict=True):
        assert view.file.read_bytes() == same.file.read_bytes()
        np.testing.assert_array_equal(view.camera.camera_to_world, same.camera.camera_to_world)


def test_what_was_unpacked_goes_with_the_sample(tmp_path):
    write_objects(tmp_path / "views", 1)
    sets = opened(pack(tmp_path / "views", tmp_path / "a.tar"))
    one = sets.open(0)
    file = one.views.views[0].file
    assert file.is_file()
    del one
    assert not file.exists()


def test_names_of_web_datasets(tmp_path):
    write_objects(tmp_path / "views", 2)
    sets = opened(pack(tmp_path / "views", tmp_path / "a.tar", lambda name: name.replace("/", ".")))
    assert sets.objects == ["object00", "object01"] and len(sets.open(1).views.views) == 5


def test_names_of_web_datasets_with_dots(tmp_path):
    for name in ("chair.v1", "chair.v2", "chair", "lamp"):
        write_object(tmp_path / "views" / "a" / name)
    packed = pack(tmp_path / "views", tmp_path / "a.tar", lambda name: "a/" + name[2:].replace("/", "."))
    sets = opened(packed)
    assert sets.objects == ["a/chair", "a/chair.v1", "a/chair.v2", "a/lamp"]
    assert [len(sets.open(index).views.views) for index in range(4)] == [5] * 4
    assert grouped("a.b.transforms_train.json", "a.b.r_0.png", "c.d.000.png")[0] == {
        "a.b": ["r_0.png", "transforms_train.json"],
        "c": ["d.000.png"],
    }


def test_an_archive_of_one_object(tmp_path):
    sets = opened(pack(write_object(tmp_path / "ball"), tmp_path / "a.tar"))
    assert sets.objects == ["a"] and len(sets.open(0).views.views) == 5


def test_members_of_an_object():
    assert grouped("a/u1/000.png", "a/u1/000.npy", "a/u2/000.png")[0] == {
        "a/u1": ["000.npy", "000.png"],
        "a/u2": ["000.png"],
    }
    assert grouped("0/17/00000/00000.png", "0/17/00000/00000.json", "0/17/00001/00001_albedo.png")[0] == {
        "0/17": ["00000/00000.json", "00000/00000.png", "00001/00001_albedo.png"]
    }
    assert grouped("chair/transforms_train.json", "chair/train/r_0.png", "chair/train/r_0.v2.png")[0] == {
        "chair": ["train/r_0.png", "train/r_0.v2.png", "transforms_train.json"]
    }
    found, census = grouped("a/u1/000.png", "notes/readme.txt")
    assert list(found) == ["a/u1"] and census.left_out["folders in archives without pictures"].example == "notes"


def test_a_folder_of_archives_and_its_splits(tmp_path):
    for split in ("train", "val"):
        write_objects(tmp_path / "views" / split, 2)
        (tmp_path / "packed" / split).mkdir(parents=True)
        pack(tmp_path / "views" / split, tmp_path / "packed" / split / "00.tar")
    folders, packed = opened(tmp_path / "views"), opened(tmp_path / "packed")
    assert folders.splits == packed.splits == ["train", "train", "validation", "validation"]
    assert list(folders.objects) == packed.objects == ["object00", "object01"] * 2
    assert packed.names[2] == "val/00.tar:object00"
    assert opened(tmp_path / "packed" / "{train,val}" / "*.tar").splits == packed.splits


def test_splits_inside_of_an_archive_are_those_of_folders(tmp_path):
    for split in ("train", "test"):
        write_objects(tmp_path / "views" / "chairs" / split, 2)
    folders = opened(tmp_path / "views")
    packed = opened(pack(tmp_path / "views", tmp_path / "a.tar"))
    assert packed.splits == folders.splits == ["test", "test", "train", "train"]
    assert packed.objects == list(folders.objects) == ["chairs/object00", "chairs/object01"] * 2
    assert packed.names[0] == "a.tar:chairs/test/object00" and len(packed.open(0).views.views) == 5
    named = opened(pack(tmp_path / "views", tmp_path / "train-0.tar"))  # the archive's own name decides
    assert named.splits == ["train"] * 4 and named.objects[0] == "chairs/test/object00"


def test_links_of_an_archive_are_what_they_point_to(tmp_path):
    one, *others = (tmp_path / "views" / name for name in ("b", "a", "c"))
    write_object(one)
    for folder in others:
        folder.mkdir()
    for file in one.iterdir():
        (others[0] / file.name).symlink_to(f"../b/{file.name}")
        (others[1] / file.name).hardlink_to(file)
    sets = opened(pack(tmp_path / "views", tmp_path / "a.tar"))
    assert sets.objects == ["a", "b", "c"]
    assert [len(sets.open(index).views.views) for index in range(3)] == [5, 5, 5]


@pytest.mark.filterwarnings("ignore:readers of Zero123")
@pytest.mark.parametrize("layout", ["ours", "zero123", "colmap"])
def test_all_layouts_can_be_packed(tmp_path, layout):
    write_views(read_views(write_object(tmp_path / "ball")), tmp_path / "views" / "ball", layout)
    for name, root in {"a": "views", "b": "views/ball"}.items():
        sets = opened(pack(tmp_path / root, tmp_path / f"{name}.tar"))
        assert len(sets.names) == 1 and len(sets.open(0).views.views) == 5
    assert sets.names == ["b.tar"]


def test_the_index_is_kept(tmp_path, monkeypatch):
    write_objects(tmp_path / "views", 2)
    tar = pack(tmp_path / "views", tmp_path / "a.tar")
    first = opened(tar, cache=tmp_path / "cache")
    monkeypatch.setattr("lumina.scenes.packed.read_members", None)
    assert opened(tar, cache=tmp_path / "cache").names == first.names
    assert len(PackedSets([tar], tmp_path, tmp_path / "cache", Census()).open(0).views.views) == 5


def test_members_that_lead_out_of_the_archive_are_never_written(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as packed:
        for name in ("../evil.png", "/evil.png", "u1/../../evil.png", "u1/000.png"):
            member = tarfile.TarInfo(name)
            member.size = 1
            packed.addfile(member, io.BytesIO(b"x"))
    sets = opened(tmp_path / "a.tar")
    assert sets.objects == ["u1"]
    with pytest.raises(CorruptSample, match=r"a\.tar:u1"):
        sets.open(0)
    assert not list(Path(tmp_path).rglob("evil.png"))


def test_a_broken_view_set_is_named_by_its_archive(tmp_path):
    write_objects(tmp_path / "views", 1)
    (tmp_path / "views" / "object00" / "transforms.json").write_text("{")
    with pytest.raises(CorruptSample) as caught:
        opened(pack(tmp_path / "views", tmp_path / "a.tar")).open(0)
    assert str(caught.value).startswith("a.tar:object00: ") and "lumina-views" not in str(caught.value)


def test_an_archive_that_is_cut_off(tmp_path):
    write_objects(tmp_path / "views", 1)
    tar = pack(tmp_path / "views", tmp_path / "a.tar")
    tar.write_bytes(tar.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"a\.tar is not a complete uncompressed tar"):
        opened(tar)


def test_archives_beside_folders_are_counted(tmp_path):
    write_objects(tmp_path, 2)
    pack(tmp_path / "object00", tmp_path / "more.tar")
    census = Census()
    assert open_sets(tmp_path, None, census).names == ["object00", "object01"]
    assert census.left_out[BESIDE].count == 1
    census = Census()
    (tmp_path / "packed").mkdir()
    pack(tmp_path, tmp_path / "packed" / "all.tar")
    assert len(open_sets(tmp_path / "packed", None, census).names) == 2 and not census.count


def test_nothing_there(tmp_path):
    with pytest.raises(ValueError, match="Found no views of objects"):
        opened(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.zip holds no views"):
        opened(tmp_path / "a.zip")
    with pytest.raises(ValueError, match="Nothing exists"):
        opened(tmp_path / "missing.tar")
