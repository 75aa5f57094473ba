"""Splits are told by the names of folders and shards."""

from pathlib import Path

import pytest

from lumina.data.splits import by_split, evaluated, find_level, level_of, served, split_named


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"), ("Training", "train"), ("val", "validation"), ("valid", "validation"),
        ("validation", "validation"), ("dev", "validation"), ("test", "test"), ("testing", "test"),
        ("train-00000-of-00002.parquet", "train"), ("test_256.tar", "test"), ("VAL.parquet", "validation"),
        ("trainer", None), ("cat", None), ("00000.tar", None),
    ],
)  # fmt: skip
def test_names(name, split):
    assert split_named(name) == split


@pytest.mark.parametrize(
    "files",
    [
        ["train/cat/1.png", "validation/cat/2.png", "test/cat/3.png"],
        ["Training/1.png", "valid/2.png", "Testing/3.png"],
        ["chair/train/1.off", "chair/dev/2.off", "sofa/test/3.off"],
        ["data/train-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet", "data/test-0.parquet"],
        ["train/0.tar", "val/0.tar", "test/0.tar"],
        ["a/b/train/1.png", "a/b/val/2.png", "c/d/test/3.png"],
    ],
)
def test_layouts(files):
    level = level_of(files, shards=not files[0].endswith(("png", "off")))
    assert by_split(files, level) == {"train": files[:1], "validation": files[1:2], "test": files[2:]}


def test_what_has_no_splits_is_for_training():
    files = ["train/1.png", "bus/2.png", "car/3.png"]  # a class that is called like a split
    assert level_of(files) is None and by_split(files, None) == {"train": files}
    with pytest.warns(UserWarning, match="data: train is read as training data, not as a split"):
        find_level(Path("data"), files)
    assert level_of(["vehicle/train/1.png", "lab/test/2.png", "lab/desk/3.png"]) is None


def test_train_alone_and_test_alone_are_splits():
    assert by_split(["train/a/1.png"], level_of(["train/a/1.png"])) == {"train": ["train/a/1.png"]}
    assert by_split(["test/a/1.png"], level_of(["test/a/1.png"])) == {"test": ["test/a/1.png"]}


def test_other_folders_beside_splits_are_of_none():
    files = ["train/1.png", "test/2.png", "extra/3.png"]
    assert by_split(files, level_of(files)) == {"train": files[:1], "test": files[1:2]}


def test_a_stray_file_in_a_class_does_not_mix_the_splits():
    files = ["chair/train/1.off", "chair/test/2.off", "chair/stray.off", "sofa/3.off"]
    assert by_split(files, level_of(files)) == {"train": files[:1], "test": files[1:2]}


def test_the_class_is_what_remains():
    for file in ("train/chair/1.off", "chair/train/1.off"):
        assert level_of([file]).without(file) == "chair/1.off"


@pytest.mark.parametrize(
    ("present", "validation", "test"),
    [
        (["train"], None, None),
        (["train", "test"], None, "test"),
        (["train", "validation"], "validation", "validation"),
        (["train", "validation", "test"], "validation", "test"),
    ],
)
def test_which_split_is_served(present, validation, test):
    assert served("validation", present) == validation and served("test", present) == test


def test_data_for_evaluation_alone_is_served_whole():
    assert evaluated("test", ["train"]) == evaluated("validation", ["train"]) == "train"
    assert evaluated("validation", ["train", "test"]) == "test"
