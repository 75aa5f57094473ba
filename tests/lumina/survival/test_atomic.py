import os

import pytest
import torch
from safetensors.torch import save_file

from lumina.survival.atomic import replacing


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "folder/file.txt"
    for text in ("first", "second"):
        with replacing(path) as new:
            new.write_text(text)
        assert path.read_text() == text
    with pytest.raises(RuntimeError), replacing(path) as new:
        new.write_text("half")
        raise RuntimeError
    assert path.read_text() == "second" and [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_others_may_read_it_as_the_umask_says(tmp_path):
    path, plain = tmp_path / "file.safetensors", tmp_path / "plain"
    plain.touch()
    with replacing(path) as new:
        save_file({"a": torch.zeros(1)}, new)
    assert path.stat().st_mode == plain.stat().st_mode


def test_two_writers_do_not_meet(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first" and os.listdir(tmp_path) == ["file"]
