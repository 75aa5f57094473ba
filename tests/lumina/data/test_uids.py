import json

import pytest

from lumina.data.captions import read_captions
from lumina.data.census import Census
from lumina.data.uids import known, listed, own_names, uids_of

NAMES = ["0/uid1", "0/uid2/views", "1/uid3"]


def test_uids_of_a_path():
    assert list(uids_of("uid1")) == ["uid1"]
    assert list(uids_of("0/10019/views")) == ["0/10019/views", "views", "10019/views", "10019", "0/10019", "0"]


def test_folders_of_one_name_are_one_object():
    found = own_names(["b/chair", "a/chair", "a/table", "b/lamp"])
    assert found == {"a/chair": "chair", "a/table": "table", "b/chair": "chair", "b/lamp": "lamp"}
    numbered = [f"{kind}/{number:02}/views" for kind in ("bed", "car", "sofa") for number in range(2)]
    assert own_names(numbered) == {name: name for name in numbered}
    assert own_names(["chair"]) == {"chair": "chair"} and own_names([]) == {}


def test_the_name_of_an_object_is_where_paths_differ_most():
    names = [f"{part}/uid{n}/{light}" for part in "ab" for n in range(3) for light in ("day", "night")]
    assert own_names(names) == {name: name.split("/")[1] for name in names}
    assert own_names(["1/views", "2/views"]) == {"1/views": "1", "2/views": "2"}
    assert {*own_names(["a/uid1/views", "a/uid2/views", "a/uid3"]).values()} == {"uid1", "uid2", "a"}


def test_folders_above_numbers_that_repeat_are_classes():
    names = [f"{kind}/{number:03}" for kind in ("bed", "car", "desk", "lamp", "sofa") for number in range(1, 4)]
    assert own_names(names) == {name: name for name in names}
    assert own_names([f"furniture/{name}" for name in names]) == {f"furniture/{name}": name for name in names}
    assert {*own_names([*names, "desk/special"]).values()} == {*names, "desk/special"}
    objects = [f"uid{number}/{number % 2:03}" for number in range(9)]  # one of each
    assert [*own_names([*objects, "uid0/001"]).values()] == [*(f"uid{number}" for number in range(9)), "uid0"]
    few = [f"{kind}/{number}" for kind in "ab" for number in range(3)]  # perhaps the same object twice
    assert {*own_names(few).values()} == {"0", "1", "2"}


def test_folders_above_do_not_change_a_name():
    names = ["a/chair", "a/table", "b/lamp"]
    assert [*own_names([f"furniture/{name}" for name in names]).values()] == [*own_names(names).values()]


def test_the_nearest_name_counts():
    assert known({"0": "all of this folder", "uid1": "one"}, "0/uid1") == "one"
    assert known({"0": "all of this folder"}, "0/uid1") == "all of this folder"
    assert known({}, "0/uid1") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "uid2\nuid3\nuid9\n\n"),
        ("a.csv", 'uid,caption\nuid2,"a chair, red"\n"uid3",a table\nuid9,a\n'),
        ("a.json", json.dumps(["uid2", "uid3", "uid9"])),
        ("a.json", json.dumps({"chair": ["uid2"], "table": ["uid3", "uid9"]})),
    ],
)
def test_lists(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    census = Census()
    assert listed(tmp_path / name, NAMES, census) == [1, 2]
    assert census.left_out[f"objects of {name} that are not there"].example == "uid9"
    assert census.left_out[f"objects not in {name}"].example == "0/uid1"
    assert census.count == 2


def test_normal_forms_of_unicode_are_one(tmp_path):
    one, other = "chaise_\u00e9", "chaise_e\u0301"
    for name, uid in ((one, other), (other, one)):
        (tmp_path / "a.txt").write_text(uid, "utf-8")
        assert listed(tmp_path / "a.txt", ["lamp", f"0/{name}"], Census()) == [1]
        (tmp_path / "a.csv").write_text(f"{uid},a chair\n", "utf-8")
        assert known(read_captions(tmp_path / "a.csv", {*uids_of(name)}, Census()), name) == "a chair"
        assert read_captions(tmp_path / "a.csv", [name], Census()) == {name: "a chair"}
        (tmp_path / "a.tsv").write_text(f"id\tcaption\n{uid}\ta chair\n", "utf-8")
        assert read_captions(tmp_path / "a.tsv", [name], Census()) == {name: "a chair"}


def test_none_of_them(tmp_path):
    (tmp_path / "a.txt").write_text("uid7\n")
    with pytest.raises(ValueError, match=r"a\.txt names none of the 3 objects, '0/uid1' say, among 1 UIDs"):
        listed(tmp_path / "a.txt", NAMES, Census())


@pytest.mark.parametrize("text", ['{"chair": "uid2"}', '[{"uid": "uid2"}]', "{", '"uid2"'])
def test_other_json(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json"):
        listed(tmp_path / "a.json", NAMES, Census())
