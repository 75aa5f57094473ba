"""Whose classes are imported."""

from __future__ import annotations

import sys

import pytest
import torch


def test_trust_finds_own_classes_in_the_working_directory(tiny_run, tmp_path, run_in, monkeypatch, capsys):
    """The installed command, other than ``python -m``, does not search there by itself."""
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
    (tmp_path / "parts_in_here.py").write_text("from modalities.image import Image\n\nclass Mine(Image):\n    pass\n")
    checkpoint = torch.load(next(tiny_run.rglob("last.ckpt")), weights_only=True)
    checkpoint["hyper_parameters"]["modality"]["class_path"] = "parts_in_here.Mine"
    torch.save(checkpoint, tmp_path / "run.ckpt")
    with pytest.raises(SystemExit):
        run_in("convert", "run.ckpt", "out")
    assert "names 'parts_in_here.Mine' for modality" in capsys.readouterr().err
    run_in("convert", "run.ckpt", "out", "--trust")
    run_in("sample", "--weights", "out", "--count=1", "--trust")


def test_a_module_that_is_nowhere_is_told_with_the_places(tiny_run, tmp_path, run_in, capsys):
    checkpoint = torch.load(next(tiny_run.rglob("last.ckpt")), weights_only=True)
    checkpoint["hyper_parameters"]["modality"]["class_path"] = "parts_nowhere.Mine"
    torch.save(checkpoint, tmp_path / "run.ckpt")
    with pytest.raises(SystemExit):
        run_in("convert", "run.ckpt", "out", "--trust")
    assert "no module 'parts_nowhere' is installed" in capsys.readouterr().err
