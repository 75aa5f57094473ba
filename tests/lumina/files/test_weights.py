"""Files of weights and settings, read safely."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.files.weights import check_tensors, named, read_json, read_pickle


def test_settings_are_named(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"a": 1}')
    assert read_json(path) == {"a": 1}
    path.write_text("[1]")
    with pytest.raises(ValueError, match="holds a list, expected named settings"):
        read_json(path)


def test_pickled_tensors_are_mapped_and_code_is_refused(tmp_path):
    torch.save({"a": torch.arange(3), "b": [1]}, tmp_path / "weights.pth")
    assert read_pickle(tmp_path / "weights.pth")["a"].tolist() == [0, 1, 2]
    torch.save({"a": print}, tmp_path / "code.pth")
    with pytest.raises(
        ValueError, match=r"code\.pth is broken, or no file of tensors alone that is safe to load"
    ) as refused:
        read_pickle(tmp_path / "code.pth")
    assert "weights_only" not in str(refused.value)
    with pytest.raises(FileNotFoundError):
        read_pickle(tmp_path / "none.pth")


def test_every_difference_is_named():
    expected = {"a": torch.Size([2]), "b": torch.Size([3]), "c": torch.Size([1])}
    check_tensors(Path("file"), expected, {"a": torch.zeros(2), "b": torch.zeros(3), "c": torch.zeros(1)})
    with pytest.raises(ValueError) as error:
        check_tensors(Path("file"), expected, {"a": torch.zeros(4), "b": torch.zeros(3), "d": torch.zeros(1)}, "this")
    told = (
        "expected the 3 tensors of this, got 1 missing (c); 1 unexpected (d); 1 of another shape (a [4] instead of [2])"
    )
    assert told in str(error.value)


def test_a_long_list_is_cut():
    assert named(["a", "b", "c", "d"]) == "a, b, c, d"
    assert named(["a", "b", "c", "d", "e"]) == "a, b, c, d, ..."


def test_numbers_of_numpy_are_plain_data(tmp_path):
    facts = {"count": np.int64(3), "loss": np.float32(0.5), "order": np.arange(4), "weight": torch.ones(2)}
    for new in (True, False):  # files before 1.6 are no archives
        torch.save(facts, tmp_path / "facts.pt", _use_new_zipfile_serialization=new)
        found = read_pickle(tmp_path / "facts.pt")
        assert (found["count"], found["loss"], found["order"].tolist()) == (3, 0.5, [0, 1, 2, 3])
        assert found["weight"].tolist() == [1, 1]


def test_arrays_of_objects_do_not_smuggle_code(tmp_path):
    torch.save(np.array([print], dtype=object), tmp_path / "objects.pt")
    with pytest.raises(ValueError, match="safe to load"):
        read_pickle(tmp_path / "objects.pt")
