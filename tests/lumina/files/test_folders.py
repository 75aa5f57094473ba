from pathlib import Path

import pytest

from lumina.files.folders import free_folder, require_free


def test_the_next_free_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert free_folder("samples") == Path("samples")
    Path("samples").mkdir()
    assert free_folder("samples") == Path("samples")  # empty
    Path("samples/old.png").touch()
    assert free_folder("samples") == Path("samples_1")
    Path("samples_1").touch()
    assert free_folder("samples") == Path("samples_2")


def test_a_folder_in_use_is_refused(tmp_path):
    assert require_free(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "old").touch()
    for used in (tmp_path, tmp_path / "old"):
        with pytest.raises(ValueError, match="in use"):
            require_free(used)


def test_hidden_files_do_not_count(tmp_path):
    (tmp_path / ".DS_Store").touch()
    assert require_free(tmp_path) == tmp_path
