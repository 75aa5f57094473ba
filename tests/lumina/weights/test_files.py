"""Files of weights and settings, read safely."""

import pytest
import torch

from lumina.weights.files import read_json, read_pickle


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
    with pytest.raises(ValueError, match=r"code\.pth is broken, or no file of tensors alone that is safe to load"):
        read_pickle(tmp_path / "code.pth")
    with pytest.raises(FileNotFoundError):
        read_pickle(tmp_path / "none.pth")
