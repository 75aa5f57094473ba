"""A module of one's own, trained, resumed, evaluated and refused by the same commands as any other."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from lumina.training.module import TrainedModule

OWN = '''
from collections.abc import Sequence
import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lumina.pictures.sheet import contact_sheet
from lumina.training.module import TrainedModule

class Blur(TrainedModule):
    """Digits through a layer of a few features."""

    def __init__(self, width: int = 8, optimizer: OptimizerCallable = torch.optim.AdamW,
                 lr_scheduler: LRSchedulerCallable | None = None, seed: int = 0) -> None:
        super().__init__(optimizer, lr_scheduler, seed)
        self.inner, self.outer = torch.nn.Linear(64, width), torch.nn.Linear(width, 64)
        self.clipped_apart = (self.inner, self.outer)

    def draw(self, batch, generator):
        return self.outer(self.inner(batch["image"].flatten(1))).view_as(batch["image"]).detach()

    def picture(self, samples, captions=(), batch=None):
        return contact_sheet(samples, captions=captions)

    def error(self, batch):
        return (self.outer(self.inner(batch["image"].flatten(1))) - batch["image"].flatten(1)).square().mean()

    def training_step(self, batch, batch_index):
        loss, count = self.error(batch), len(batch["image"])
        self._log("train", {"loss": loss}, count)
        return {"loss": loss, "samples": count, "tokens": count}

    def validation_step(self, batch, batch_index):
        self._log("validation", {"loss": self.error(batch)}, len(batch["image"]))

    def test_step(self, batch, batch_index):
        self._log("test", {"loss": self.error(batch)}, len(batch["image"]))
        return self.draw(batch, None)
'''


@pytest.fixture
def experiment(tmp_path):
    """An experiment that names a module in a file beside it."""
    (tmp_path / "own.py").write_text(OWN)
    once = {"class_path": "torch.optim.lr_scheduler.OneCycleLR", "init_args": {"max_lr": 0.01}}
    settings = {
        "model": {
            "class_path": "own.Blur",
            "init_args": {
                "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}}, "lr_scheduler": once,
            },
        },
        "data": {"class_path": "datamodules.digits.Digits", "init_args": {"batch_size": 32}},
        "trainer": {
            "max_steps": 4, "accelerator": "cpu", "log_every_n_steps": 1, "val_check_interval": 2,
            "gradient_clip_val": 1.0, "num_sanity_val_steps": 0, "enable_progress_bar": False,
            "logger": {
                "class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "runs", "name": "blur"},
            },
            "callbacks": [
                {"class_path": "lumina.callbacks.ema.EMA"},
                {
                    "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
                    "init_args": {"save_last": True, "every_n_train_steps": 2},
                },
                {"class_path": "lumina.callbacks.samples.SampleGrid", "init_args": {"count": 4}},
            ],
        },
    }  # fmt: skip
    (tmp_path / "blur.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path / "blur.yaml"


def test_a_module_that_an_experiment_names_is_trained_resumed_and_evaluated(experiment, run_in, tmp_path):
    run_in("fit", "--config", "blur.yaml")
    run = tmp_path / "runs/blur"
    stored = yaml.safe_load((run / "version_0/config.yaml").read_text())["model"]
    assert stored["class_path"] == "own.Blur" and stored["init_args"]["width"] == 8
    assert stored["init_args"]["lr_scheduler"]["init_args"]["total_steps"] is None  # follows the run
    assert list(run.glob("version_0/samples/*.png"))

    run_in("fit", "--config", "blur.yaml", "--ckpt_path", run, "--trainer.max_steps=6")
    states = [torch.load(run / f"version_{n}/checkpoints/last.ckpt", weights_only=True) for n in (0, 1)]
    assert [state["global_step"] for state in states] == [4, 6]
    rows = list(csv.DictReader((run / "version_1/metrics.csv").open()))
    assert any(row["train/grad_norm"] for row in rows) and any(row["train/samples_per_second"] for row in rows)

    run_in("test", "--ckpt_path", run, "--trust")
    report = json.loads((run / "version_1/evaluation/metrics.json").read_text())
    assert report["metrics"]["loss"] > 0 and report["step"] == 6


def test_other_commands_say_what_they_cannot_do_with_it(experiment, run_in, capsys):
    run_in("fit", "--config", "blur.yaml")
    for command, words in {
        ("convert", "runs/blur", "out", "--trust"): "Blur has no form of its own",
        ("convert", "runs/blur", "out", "--trust", "--to=program"): "leave out --to",
        ("sample", "--ckpt_path", "runs/blur"): "is a run of own.Blur, not of a model to sample from",
        ("cache", "--config", "blur.yaml", "--output", "cached"): "own.Blur, which has no modality",
    }.items():
        with pytest.raises(SystemExit):
            run_in(*command)
        assert words in capsys.readouterr().err


def test_options_reach_the_arguments_of_a_named_module(experiment, run_in, tmp_path):
    run_in("fit", "--config", "blur.yaml", "--model.width=3", "--seed_everything=7")
    stored = yaml.safe_load((tmp_path / "runs/blur/version_0/config.yaml").read_text())["model"]["init_args"]
    assert stored["width"] == 3 and stored["seed"] == 7


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--model.init_args.widht=3", "Blur takes no 'widht'. Did you mean 'width'?"),
        ("--model.class_path=own.Blurr", "Blurr"),
        ("--model.init_args.width=null", "width is null"),
        ("--trainer.gradient_clip_val=-1", "gradient_clip_val"),
        ("--trainer.callbacks.wishes={prompt: [a cat]}", "SampleGrid: a Blur is asked for nothing"),
    ],
)
def test_wrong_arguments_are_refused_before_step_0(experiment, run_in, tmp_path, capsys, option, words):
    with pytest.raises(SystemExit):
        run_in("fit", "--config", "blur.yaml", option)
    assert words in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ckpt"))


class Two(TrainedModule):
    """Two weights with gradients of different sizes."""

    def __init__(self, apart):
        super().__init__(lambda parameters: torch.optim.SGD(parameters, 1.0), None, 0)
        self.small, self.large = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(self.small.weight)
        torch.nn.init.zeros_(self.large.weight)
        self.clipped_apart = (self.small, self.large) if apart else None

    def draw(self, batch, generator):
        return batch

    def picture(self, samples, captions=(), batch=None):
        return torch.zeros(3, 1, 1, dtype=torch.uint8)

    def training_step(self, batch, batch_index):
        return -(0.5 * self.small.weight + 100 * self.large.weight).sum()


@pytest.mark.parametrize(("apart", "small"), [(True, 0.5), (False, 0.005)])
def test_a_part_clipped_apart_does_not_shrink_the_other(tmp_path, apart, small):
    module = Two(apart)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    trainer = Trainer(**quiet, max_steps=1, gradient_clip_val=1.0, accelerator="cpu", default_root_dir=tmp_path)
    trainer.fit(module, torch.utils.data.DataLoader(torch.zeros(1, 1)))
    assert module.large.weight.item() == pytest.approx(1.0, rel=1e-4)
    assert module.small.weight.item() == pytest.approx(small, rel=1e-3)


def test_what_is_not_exported_says_so(tmp_path):
    with pytest.raises(ValueError, match="Two has no form"):
        Two(False).export(Path(tmp_path))
