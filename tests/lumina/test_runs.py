"""Where a run keeps what it makes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.trainer.states import TrainerFn

from lumina.runs import config_of, newest_run, run_folder, run_of


def made(folder):
    folder.mkdir(parents=True)
    (folder / "config.yaml").touch()
    return folder


def trainer(**options):
    return Trainer(accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, **options)


def test_a_run_writes_where_its_logger_does(tmp_path):
    logger = CSVLogger(tmp_path, name="digits", version="first")
    assert run_folder(trainer(logger=logger)) == tmp_path / "digits" / "first"
    assert run_folder(trainer(logger=CSVLogger(tmp_path, name="digits"))) == tmp_path / "digits" / "version_0"
    assert run_folder(trainer(logger=False, default_root_dir=tmp_path)) == tmp_path


def test_an_evaluation_writes_to_the_run_of_its_checkpoint(tmp_path):
    run = made(tmp_path / "runs" / "version_0")
    evaluation = trainer(logger=CSVLogger(tmp_path / "other"))
    evaluation.ckpt_path, evaluation.state.fn = str(run / "checkpoints" / "last.ckpt"), TrainerFn.TESTING
    assert run_folder(evaluation) == run
    evaluation.state.fn = TrainerFn.FITTING  # it goes on from there, in a folder of its own
    assert run_folder(evaluation).parent.parent == tmp_path / "other"


def test_settings_are_found_from_anything_in_a_run(tmp_path, monkeypatch):
    run = made(tmp_path / "runs" / "version_0")
    (run / "checkpoints").mkdir()
    for path in (run, run / "checkpoints", run / "checkpoints" / "last.ckpt"):
        assert run_of(path) == run
        assert config_of(path) == run / "config.yaml"
    monkeypatch.chdir(tmp_path)
    assert config_of(Path("runs/version_0/checkpoints/last.ckpt")) == Path("runs/version_0/config.yaml")


def test_a_lone_checkpoint_has_a_folder_but_no_settings(tmp_path):
    assert run_of(tmp_path / "last.ckpt") == tmp_path
    with pytest.raises(FileNotFoundError, match=r"No config\.yaml lies with .*last\.ckpt: give a run's folder"):
        config_of(tmp_path / "last.ckpt")


def test_the_newest_run_of_a_folder(tmp_path):
    assert newest_run(tmp_path) == tmp_path
    runs = [made(tmp_path / "runs" / name) for name in ("b", "a", "wandb/c")]
    for age, run in enumerate(runs):
        os.utime(run / "config.yaml", (age, age))
    assert newest_run(tmp_path) == runs[1], "the newest by date, without W&B's own settings"
    assert newest_run(runs[0]) == runs[0]
    with pytest.raises(FileNotFoundError, match="is no folder of a run"):
        newest_run(tmp_path / "nothing")
