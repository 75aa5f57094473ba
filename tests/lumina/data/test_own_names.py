from unicodedata import normalize

import pytest

from lumina.data.own_names import doubtful, own_names


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


@pytest.mark.parametrize("passes", [("seed0", "seed1", "seed2", "seed10"), ("2024-01-05", "2024-01-06", "2024-02-01")])
def test_folders_that_count_passes_name_no_object(passes):
    objects = ("lamp", "table")
    assert own_names([f"{one}/{name}/views" for one in passes for name in objects]) == {
        f"{one}/{name}/views": name for one in passes for name in objects
    }
    assert {*own_names([f"{name}/{one}" for one in passes for name in objects]).values()} == {*objects}
    assert {*own_names([f"{one}/{number:03}" for one in passes for number in range(2)]).values()} == {"000", "001"}
    assert own_names([*passes]) == {one: one for one in passes}
    numbered = own_names([f"{one}/{kind}/{n}" for one in passes for kind in ("bed", "car", "sofa") for n in range(2)])
    assert numbered[f"{passes[0]}/bed/1"] == numbered[f"{passes[1]}/bed/1"] == "bed/1"


ADVICE = "; if that is not the object, split them into folders train, val and test instead"


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        (["a/chair", "b/table", "b/lamp"], None),
        (["0/10019/views", "0/10020/views", "1/10021/views"], None),
        (["chair"], None),
        (["a/chair", "b/table", "b/chair"], "3 folders are held out by 2 names, for example a/chair as chair"),
        (
            [f"{light}/{name}" for light in "abc" for name in ("x", "y")],
            f"6 folders are held out by 3 names, for example a/x as a{ADVICE}",
        ),
        (["uid1/0", "uid2/0", "uid3/1"], f"3 folders are held out by 3 names, for example uid1/0 as uid1{ADVICE}"),
        (
            [f"{kind}/{number}" for kind in "abcd" for number in "01"],
            f"folders with the same number count as different objects, for example a/0{ADVICE}",
        ),
    ],
)
def test_a_doubtful_level_is_told(paths, told):
    assert doubtful(own_names(paths)) == told


def test_folders_above_do_not_change_a_name():
    names = ["a/chair", "a/table", "b/lamp"]
    assert [*own_names([f"furniture/{name}" for name in names]).values()] == [*own_names(names).values()]


def test_names_are_compared_in_one_normal_form():
    one, other = (f"{folder}/{normalize(form, 'été')}" for folder, form in (("a", "NFC"), ("b", "NFD")))
    assert {*own_names([one, other, "b/chair"]).values()} == {normalize("NFC", "été"), "chair"}
    assert doubtful(own_names([normalize("NFD", "été"), "chair"])) is None


def test_a_pass_beside_objects_names_none():
    names = own_names(["sofa", "lamp", "chair/seed21", "chair/seed22"])
    assert list(names.values()) == ["sofa", "lamp", "chair", "chair"]


def test_what_may_be_poses_is_told_with_what_to_do():
    told = doubtful(own_names([f"{name}/pose_{pose}" for name in ("chair", "lamp", "sofa") for pose in range(4)]))
    assert told is not None and "as pose_0; if that is not the object, split them" in told
