"""Which sources are for training and which for evaluation."""

from __future__ import annotations

import pytest

from lumina.data.sources import Parts, Wanted

WANTED = Wanted(suffixes=(".png",), media=("image",), usual=())


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def parts(sources, eval_sources=None):
    return Parts(sources, eval_sources, WANTED, {})


def names(source):
    return None if source is None else [source.name(index) for index in range(len(source))]


def test_folders_may_be_called_by_their_splits(tmp_path):
    found = parts([write(tmp_path, "train/a.png", "val/b.png", "test/c.png", "other/d.png")])
    assert names(found.train) == ["a.png"]
    assert names(found.evaluation("validation")) == ["b.png"] and names(found.evaluation("test")) == ["c.png"]
    assert "splits" not in found.left_out and found.left_out["sources"].count == 1


def test_without_splits_all_is_for_training(tmp_path):
    found = parts([write(tmp_path, "x/a.png", "b.png")])
    assert sorted(names(found.train)) == ["b.png", "x/a.png"]
    assert found.evaluation("validation") is found.evaluation("test") is None


def test_a_test_without_data_takes_those_of_validation(tmp_path):
    found = parts([write(tmp_path, "train/a.png", "val/b.png")])
    assert found.evaluation("test") is found.evaluation("validation")


def test_other_data_to_evaluate_with_is_served_whole(tmp_path):
    found = parts([write(tmp_path / "one", "a.png")], [write(tmp_path / "two", "b.png")])
    assert names(found.train) == ["a.png"]
    assert names(found.evaluation("validation")) == names(found.evaluation("test")) == ["b.png"]
    assert set(found.left_out) == {"sources", "eval_sources"}


def test_nothing_to_train_on_is_told(tmp_path):
    with pytest.raises(ValueError, match="has only data for test: set sources to the training data"):
        _ = parts([write(tmp_path, "test/a.png")]).train
