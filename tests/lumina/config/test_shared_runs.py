"""A run, an export or a checkpoint of somebody else runs nothing."""

from __future__ import annotations

import contextlib
import shutil
import sys

import pytest
import torch
import yaml
from tiny import QUICKSTART, TINY

from lumina.cli import main
from lumina.config.trust import trusting
from lumina.module import LuminaModule

HOSTILE = {
    "model.optimizer": {"class_path": "os.system", "init_args": {"command": "touch harm"}},
    "model.lr_scheduler": {"class_path": "torch.hub.load", "init_args": {"repo_or_dir": ".", "model": "x"}},
    "model.modality": {"class_path": "bystander.Modality"},
    "model.conditioners": [{"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "harm"]}}],
    "data": {"class_path": "bystander.Data"},
    "trainer.logger": {"class_path": "bystander.Logger", "init_args": {"save_dir": "."}},
    "trainer.callbacks": [
        {
            "class_path": "lightning.pytorch.callbacks.LambdaCallback",
            "init_args": {"on_test_start": {"class_path": "os.system", "init_args": {"command": "touch harm"}}},
        }
    ],
    "trainer.strategy": {"class_path": "builtins.eval", "init_args": {"expression": "open('harm', 'w')"}},
    "trainer.plugins": ["bystander.Plugin"],
}


@pytest.fixture(autouse=True)
def bystander(tmp_path, monkeypatch):
    """A module that leaves a file behind when it is imported."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bystander.py").write_text("open('harm', 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    assert not (tmp_path / "harm").exists()
    assert "bystander" not in sys.modules


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run, tmp_path / "run")


def error_of(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    assert end.value.code == 2
    return capsys.readouterr().err


def changed(file, key, value):
    config = yaml.safe_load(file.read_text())
    *path, last = key.split(".")
    inner = config
    for name in path:
        inner = inner[name]
    inner[last] = value
    file.write_text(yaml.safe_dump(config))


@pytest.mark.parametrize("key", HOSTILE)
def test_stored_config_is_refused_by_name(run, capsys, key):
    changed(run / "config.yaml", key, HOSTILE[key])
    named = HOSTILE[key][0] if isinstance(HOSTILE[key], list) else HOSTILE[key]
    name = named if isinstance(named, str) else named["class_path"]
    error = error_of(capsys, "test", "--ckpt_path", run)
    assert ("os.system" if "Lambda" in name else name) in error and error.count("\n") <= 2


@pytest.mark.parametrize("command", ["validate", "predict"])
def test_every_evaluation_refuses(run, capsys, command):
    changed(run / "config.yaml", "model.optimizer", {"class_path": "bystander.Optimizer"})
    error = error_of(capsys, command, "--ckpt_path", run)
    assert "config.yaml names 'bystander.Optimizer'" in error and "--trust" in error


def test_what_the_user_writes_takes_no_functions_either(capsys):
    for key in ("model.optimizer", "model.lr_scheduler", "trainer.callbacks"):
        for name in ("os.system", "torch.hub.load"):
            error = error_of(capsys, "fit", "--config", QUICKSTART, *TINY, f'--{key}={{"class_path": "{name}"}}')
            assert error.startswith("lumina")


def test_what_the_user_writes_may_name_own_classes(tmp_path, capsys):
    (tmp_path / "own_parts.py").write_text("import torch\n\nclass Sgd(torch.optim.SGD):\n    pass\n")
    main(["fit", "--config", str(QUICKSTART), *TINY, "--trainer.max_steps=1", "--model.optimizer=own_parts.Sgd",
          "--model.lr_scheduler=null"])  # fmt: skip
    run = "runs/digits/version_0"
    assert "own_parts.Sgd" in error_of(capsys, "validate", "--ckpt_path", run)
    main(["validate", "--ckpt_path", run, "--trust", "--trainer.limit_val_batches=1"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["sample", "--ckpt_path", "run.ckpt", "--label=[1]"],
        ["sample", "--weights", "run.ckpt", "--label=[1]"],
        ["convert", "run.ckpt", "out"],
        ["analyze", "activations", "--weights=[run.ckpt]"],
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_arguments_in_a_checkpoint_are_refused(tiny_run, tmp_path, capsys, arguments):
    checkpoint = torch.load(next(tiny_run.rglob("last.ckpt")), weights_only=True)
    checkpoint["hyper_parameters"]["modality"] = {"class_path": "bystander.Modality"}
    torch.save(checkpoint, tmp_path / "run.ckpt")
    error = error_of(capsys, *arguments)
    assert "run.ckpt names 'bystander.Modality'" in error and "--trust" in error


def test_a_run_starts_from_numbers_alone(tiny_run, tmp_path):
    checkpoint = torch.load(next(tiny_run.rglob("last.ckpt")), weights_only=True)
    checkpoint["hyper_parameters"]["modality"] = {"class_path": "bystander.Modality"}
    torch.save(checkpoint, tmp_path / "run.ckpt")
    main(["fit", "--config", str(QUICKSTART), *TINY, "--trainer.max_steps=1", "--model.weights=run.ckpt"])
    assert "bystander" not in sys.modules


def test_lightnings_own_loading_calls_no_function(tiny_run, tmp_path):
    checkpoint = torch.load(next(tiny_run.rglob("last.ckpt")), weights_only=True)
    for name in ("os.system", "torch.hub.load", "bystander.optimizer"):
        checkpoint["hyper_parameters"]["optimizer"] = {"class_path": name}
        torch.save(checkpoint, tmp_path / "run.ckpt")
        with pytest.raises(Exception, match="optimizer"):
            LuminaModule.load_from_checkpoint(tmp_path / "run.ckpt")


def test_the_user_can_trust(tiny_run, tmp_path):
    with trusting():
        LuminaModule.load_from_checkpoint(next(tiny_run.rglob("last.ckpt")))


@pytest.mark.parametrize("key", ["modality", "objective", "optimizer"])
def test_resuming_builds_nothing_that_the_checkpoint_names(tiny_run, tmp_path, key):
    checkpoint = torch.load(next(tiny_run.rglob("last.ckpt")), weights_only=True)
    checkpoint["hyper_parameters"][key] = {"class_path": "bystander.Part", "init_args": {"num_classes": "os.system"}}
    torch.save(checkpoint, tmp_path / "run.ckpt")
    words = ["fit", "--config", str(QUICKSTART), *TINY, "--trainer.max_steps=7", "--ckpt_path", "run.ckpt"]
    with contextlib.suppress(SystemExit):
        main(words)
