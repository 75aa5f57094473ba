import ast
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lumina.files.atomic import claiming, clear_leftovers, clear_partial, making, replace_folder, replacing

ROOT = Path(__file__).parents[3]


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


def test_what_a_killed_writer_left_is_cleared(tmp_path):
    for name in (".last.ckpt.0123abcd.partial", ".last.ckpt.partial", ".other.ckpt.0123abcd.partial"):
        (tmp_path / name).touch()
    clear_partial(tmp_path / "last.ckpt")
    assert sorted(os.listdir(tmp_path)) == [".last.ckpt.partial", ".other.ckpt.0123abcd.partial"]
    clear_leftovers(tmp_path, ".ckpt")
    assert os.listdir(tmp_path) == []


def test_a_folder_takes_the_place_of_anything(tmp_path):
    def folder(name):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
        return tmp_path / name

    target = tmp_path / "last.ckpt"
    for number, make in enumerate(
        (lambda: None, lambda: folder("last.ckpt"), target.touch, lambda: target.symlink_to("x"))
    ):
        make()
        replace_folder(folder(f"new-{number}"), target)
        assert (target / "file").read_text() == f"new-{number}" and os.listdir(tmp_path) == ["last.ckpt"]
        (target / "file").unlink()
        target.rmdir()


def test_a_folder_that_stepped_aside_comes_back_after_a_kill(tmp_path):
    for name in ("first", "last"):
        (tmp_path / f".{name}.ckpt.old").mkdir()
    (tmp_path / "last.ckpt").touch()
    clear_leftovers(tmp_path, ".ckpt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.ckpt", "last.ckpt"]
    assert (tmp_path / "first.ckpt").is_dir() and (tmp_path / "last.ckpt").is_file()


def test_a_folder_is_whole_or_not_there(tmp_path):
    target = tmp_path / "set/chair"
    with pytest.raises(RuntimeError), making(target) as new:
        (new / "picture").touch()
        raise RuntimeError
    assert os.listdir(tmp_path / "set") == []
    with making(target) as new:
        (new / "sub").mkdir()
        (new / "sub/picture").write_text("first")
        assert not target.exists()
        with making(target) as other:
            (other / "sub").mkdir()
    assert os.listdir(tmp_path / "set") == ["chair"] and os.listdir(target / "sub") == []  # who is first stays


def test_a_folder_is_one_process_s_to_make(tmp_path):
    target = tmp_path / "set/chair"
    for left in (".chair.0123abcd.partial", ".table.0123abcd.partial"):
        (tmp_path / "set" / left / "sub").mkdir(parents=True)
    with claiming(target) as ours, claiming(target) as again, claiming(tmp_path / "set/bed") as another:
        assert (ours, again, another) == (True, False, True)
        assert not (tmp_path / "set/.chair.0123abcd.partial").exists()
    with claiming(target) as ours:
        assert ours
    assert os.listdir(tmp_path / "set") == [".table.0123abcd.partial"]


def _renames(call):
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr == "replace":  # of a string it has two arguments, of a dataclass keywords
        module = isinstance(call.func.value, ast.Name) and call.func.value.id == "os"
        return module or (len(call.args) == 1 and not call.keywords)
    return call.func.attr in ("rename", "renames", "move")


def test_nothing_else_renames_files():
    files = [file for room in ("lumina", "modalities", "datamodules") for file in (ROOT / room).rglob("*.py")]
    renaming = [file for file in files if any(map(_renames, ast.walk(ast.parse(file.read_text("utf-8")))))]
    assert [file.name for file in renaming] == ["atomic.py"]
