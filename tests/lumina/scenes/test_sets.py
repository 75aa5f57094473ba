import pytest
from tiny_views import write_object, write_objects

from lumina.errors import CorruptSample
from lumina.scenes import sets as module
from lumina.scenes.sets import FolderSets


def test_folders_are_named_by_their_place(tmp_path):
    write_objects(tmp_path / "a", 2)
    write_object(tmp_path / "b" / "c" / "ball", caption="a ball")
    sets = FolderSets(tmp_path)
    assert list(sets.names) == ["a/object00", "a/object01", "b/c/ball"]
    assert sets.open(2).views.caption == "a ball" and sets.open(2).place is None


def test_an_object_is_read_once_however_many_paths_lead_to_it(tmp_path):
    write_objects(tmp_path / "views" / "a", 2)
    (tmp_path / "views" / "b").symlink_to(tmp_path / "views" / "a" / "object00")
    (tmp_path / "views" / "up").symlink_to("..")
    assert FolderSets(tmp_path / "views").names == ["a/object00", "a/object01"]


def test_a_folder_that_is_a_view_set(tmp_path):
    assert FolderSets(write_object(tmp_path / "ball")).names == ["ball"]


def test_few_view_sets_stay_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HELD", 2)
    sets = FolderSets(write_objects(tmp_path, 3))
    first = [sets.open(index).views for index in range(3)]
    assert sets.open(2).views is first[2] and sets.open(1).views is first[1]
    assert sets.open(0).views is not first[0] and sets.open(1).views is first[1]


def test_the_stamp_tells_changed_files(tmp_path):
    write_objects(tmp_path, 2)
    before = FolderSets(tmp_path).stamp
    assert FolderSets(tmp_path).stamp == before
    write_object(tmp_path / "object00", size=8)
    assert FolderSets(tmp_path).stamp != before


def test_a_broken_view_set_is_corrupt(tmp_path):
    (write_object(tmp_path / "ball") / "transforms.json").write_text('{"frames": [')
    with pytest.raises(CorruptSample, match="ball"):
        FolderSets(tmp_path).open(0)
