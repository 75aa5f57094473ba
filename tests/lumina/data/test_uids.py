import json

import pytest

from lumina.data.captions import read_captions
from lumina.data.census import Census
from lumina.data.uids import known, listed, uids_of

NAMES = ["0/uid1", "0/uid2/views", "1/uid3"]


def test_uids_of_a_path():
    assert list(uids_of("uid1")) == ["uid1"]
    assert list(uids_of("0/10019/views")) == ["0/10019/views", "views", "10019/views", "10019", "0/10019", "0"]


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
