"""What ``ckpt_path`` means, and where an experiment's runs lie."""

from pathlib import Path

import pytest
import torch
from tiny_checkpoint import save, without

from lumina.survival.checkpoints import Broken
from lumina.survival.choose import choose_checkpoint, runs_folder


def test_folder_without_checkpoints_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="give another run's folder"):
        choose_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="give the folder of an earlier run, or start without resuming"):
        choose_checkpoint(tmp_path, runs=tmp_path)


def test_weights_alone_can_be_sampled_but_not_resumed(tmp_path):
    path = tmp_path / "last.ckpt"
    torch.save(without("optimizer_states", "lr_schedulers", "callbacks"), path)
    assert choose_checkpoint(path) == path
    with pytest.raises(Broken, match="holds no callbacks, optimizer_states, lr_schedulers"):
        choose_checkpoint(path, runs=tmp_path)


def test_words_mean_the_newest_of_the_experiment(tmp_path):
    path = save(tmp_path / "runs/digits/version_0/last.ckpt")
    assert choose_checkpoint("last", tmp_path / "runs/digits") == path
    assert choose_checkpoint("auto", tmp_path / "runs/digits") == path
    assert choose_checkpoint("auto", tmp_path / "runs/new") is None
    with pytest.raises(FileNotFoundError, match="no whole checkpoint"):
        choose_checkpoint("last", tmp_path / "runs/new")
    with pytest.raises(ValueError, match="is for `lumina fit` alone"):
        choose_checkpoint("last")


def test_broken_ones_alone_do_not_start_anew(tmp_path):
    (tmp_path / "last.ckpt").write_bytes(b"")
    with pytest.warns(match="is skipped"), pytest.raises(FileNotFoundError):
        choose_checkpoint("auto", tmp_path)


def test_a_file_of_the_name_of_a_word_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    newest = save(tmp_path / "runs/last.ckpt")
    assert choose_checkpoint("last", tmp_path) == newest
    save(tmp_path / "last")
    assert choose_checkpoint("last", tmp_path) == Path("last")


CSV = {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "here", "name": "digits"}}
WANDB = {"class_path": "lightning.pytorch.loggers.WandbLogger"}


@pytest.mark.parametrize(
    ("trainer", "folder"),
    [
        ({"logger": CSV}, "here/digits"),
        ({"logger": [CSV, WANDB]}, "here/digits"),
        (
            {"logger": {**WANDB, "init_args": {"save_dir": "here", "name": "first try", "project": "digits"}}},
            "here/digits",
        ),
        ({"logger": {"class_path": "x", "init_args": {"save_dir": "here", "name": None}}}, "here"),
        ({"logger": False, "default_root_dir": "there"}, "there"),
        ({"logger": True}, "runs"),
        ({"logger": []}, "runs"),
        ({}, "runs"),
    ],
)
def test_runs_of_an_experiment_lie_where_its_first_logger_writes(trainer, folder):
    assert runs_folder(trainer) == Path(folder)
