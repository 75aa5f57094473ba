from pathlib import Path

import pytest

import datamodules
from datamodules.meshes import Meshes
from lumina.config.locate import locate


def test_paths_homes_and_packages():
    assert locate("a/b") == locate(Path("a/b")) == Path("a/b")
    assert locate("~/data") == Path.home() / "data"
    data = locate("package:datamodules/data/fluent_emoji/train.parquet")
    assert data == Path(datamodules.__path__[0], "data/fluent_emoji/train.parquet") and data.is_file()


def test_the_extra_of_a_missing_package_is_named():
    with pytest.raises(ImportError, match=r"needs the package no-such-package, .*pip install no-such-package"):
        locate("package:no_such_package/model")


def test_no_package_is_imported_to_be_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "found_only").mkdir()
    (tmp_path / "found_only/__init__.py").write_text("raise SystemExit")
    assert locate("package:found_only/data") == tmp_path / "found_only/data"
    with pytest.raises(ValueError, match="expected a top-level package"):
        locate("package:found_only.part/data")


def test_python_may_pass_text(tmp_path):
    assert Meshes(batch_size=1, root=str(tmp_path)).root == tmp_path
