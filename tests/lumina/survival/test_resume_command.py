"""``lumina fit --ckpt_path`` on a real run: what is said is what happens, and what cannot be is one sentence."""

from __future__ import annotations

import shutil

import pytest
import torch
import yaml
from tiny import QUICKSTART, TINY

from lumina.cli import main

STEPS = [
    "--trainer.val_check_interval=100",
    "--trainer.limit_val_batches=0",
    "--trainer.callbacks.every_n_train_steps=2",
]


@pytest.fixture
def run(tiny_run, tmp_path, monkeypatch):
    """A copy of the tiny run, six steps long, as runs/digits/version_0 of the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_run, tmp_path / "runs/digits/version_0")
    return tmp_path


def fit(*options, config=QUICKSTART):
    main(["fit", "--config", str(config), *TINY, *STEPS, *map(str, options)])


def newest(folder):
    return max((torch.load(path, weights_only=True) for path in folder.rglob("*.ckpt")), key=lambda x: x["global_step"])


def refused(capsys, *options, **arguments):
    with pytest.raises(SystemExit) as stopped:
        fit(*options, **arguments)
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "Traceback" not in error
    return error


def test_what_differs_is_named_and_holds(run):
    options = [
        "--model.optimizer.init_args.lr=3e-4",
        "--data.init_args.batch_size=32",
        "--trainer.accumulate_grad_batches=2",
    ]
    with pytest.warns(UserWarning) as warned:
        fit("--ckpt_path=last", "--trainer.max_steps=8", *options)
    said = "\n".join(str(warning.message) for warning in warned)
    assert "model.optimizer.init_args.lr: checkpoint 0.001, this run 0.0003" in said
    assert "data.init_args.batch_size: checkpoint 64, this run 32" in said
    assert "trainer.accumulate_grad_batches: checkpoint 1, this run 2" in said
    checkpoint = newest(run / "runs")
    assert checkpoint["global_step"] == 8
    assert checkpoint["optimizer_states"][0]["param_groups"][0]["lr"] == 3e-4


def test_nothing_is_said_where_nothing_differs(run, recwarn):
    fit("--ckpt_path=runs/digits", "--trainer.max_steps=7", "--trainer.callbacks.every_n_train_steps=300")
    assert not [w for w in recwarn if "other arguments" in str(w.message) and "every_n" not in str(w.message)]


@pytest.mark.parametrize("given", ["last", "auto", "runs/digits"])
def test_yaml_takes_folders_and_words(run, tmp_path, given):
    config = tmp_path / "experiment.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(QUICKSTART.read_text()), "ckpt_path": given}))
    fit("--trainer.max_steps=7", config=config)
    assert newest(run / "runs/digits/version_1")["global_step"] == 7
    assert newest(run / "runs")["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["completed"] == 7


def test_auto_starts_anew_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for steps in (2, 4):
        fit("--ckpt_path=auto", f"--trainer.max_steps={steps}")
    progress = newest(tmp_path / "runs/digits/version_1")["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    assert progress["total"]["completed"] == 4


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--model.backbone.dim=48"], "of another shape"),
        (["--model.backbone.num_layers=1"], "unexpected"),
        (["--model.optimizer=torch.optim.SGD"], "was trained with the optimizer torch.optim.AdamW, this run has"),
    ],
)
def test_what_cannot_go_on_is_one_sentence(run, capsys, options, told):
    assert told in refused(capsys, "--ckpt_path=last", "--trainer.max_steps=8", *options)
