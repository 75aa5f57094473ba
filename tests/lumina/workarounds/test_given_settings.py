"""What a resumed run is given is what it trains with."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch.optim.lr_scheduler import OneCycleLR, StepLR
from torch.utils.data import DataLoader

from lumina.survival.exact_resume import ExactResume
from lumina.survival.last_state import LastState
from lumina.workarounds.given_settings import GivenSettings

SCHEDULES = {"OneCycleLR": OneCycleLR, "StepLR": StepLR}


class Configured(LightningModule):
    """Notes the options of each step."""

    def __init__(self, lr=0.1, decay=0.0, schedule=None, **options):
        super().__init__()
        self.save_hyperparameters(
            {
                "optimizer": {"class_path": "AdamW", "init_args": {"lr": lr, "weight_decay": decay}},
                "lr_scheduler": {"class_path": schedule, "init_args": options} if schedule else None,
            }
        )
        self.weight, self.given, self.moments = torch.nn.Parameter(torch.ones(1)), [], []

    def training_step(self, batch, index):
        group = self.trainer.optimizers[0].param_groups[0]
        self.given.append((group["lr"], group["weight_decay"], group["betas"]))
        self.moments += [float(state["exp_avg"]) for state in self.trainer.optimizers[0].state.values()]
        return self.weight.sum()

    def validation_step(self, batch, index):
        self.log("loss", 1.0)

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), **self.hparams.optimizer["init_args"])
        if self.hparams.lr_scheduler is None:
            return optimizer
        given = self.hparams.lr_scheduler
        schedule = SCHEDULES[given["class_path"]](optimizer, **given["init_args"])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def fit(folder, steps, module, *callbacks, resume=False, remedy=True, **options):
    keeper = ModelCheckpoint(folder, save_last=True, every_n_train_steps=5, enable_version_counter=False)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    callbacks = [*callbacks, ExactResume(), LastState(), *([GivenSettings()] if remedy else []), keeper]
    trainer = Trainer(max_steps=steps, callbacks=callbacks, **quiet, **options)
    path = folder / "last.ckpt" if resume else None
    trainer.fit(module, DataLoader(torch.arange(50)), DataLoader(torch.arange(2)), ckpt_path=path)
    return module.given


def test_options_of_the_optimizer_hold(tmp_path):
    fit(tmp_path, 5, Configured())
    module = Configured(lr=0.01, decay=0.5)
    assert fit(tmp_path, 8, module, resume=True) == [(0.01, 0.5, (0.9, 0.999))] * 3
    assert module.moments[0] == pytest.approx(1 - 0.9**5)  # the moments are the checkpoint's


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.5, "schedule": "OneCycleLR", "max_lr": 0.5, "total_steps": 40},
        {"lr": 0.1, "schedule": "OneCycleLR", "max_lr": 0.1, "total_steps": 60},
        {"lr": 0.1, "schedule": "StepLR", "step_size": 3},
        {"lr": 0.1},
    ],
)
def test_schedule_goes_on_as_this_runs_own(tmp_path, settings):
    """Every step after the resume has what it has in a run with these settings from its start."""
    old = {"lr": 0.1, "schedule": "OneCycleLR", "max_lr": 0.1, "total_steps": 10}
    fit(tmp_path, 8, Configured(**old))
    resumed = fit(tmp_path, 20, Configured(**settings), resume=True)
    assert resumed == fit(tmp_path / "other", 20, Configured(**settings))[8:]


def test_the_same_schedule_is_left_alone(tmp_path):
    settings = {"lr": 0.1, "schedule": "OneCycleLR", "max_lr": 0.1, "total_steps": 20}
    fit(tmp_path, 8, Configured(**settings))
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    checkpoint["optimizer_states"][0]["param_groups"][0]["lr"] = 7.0
    torch.save(checkpoint, tmp_path / "last.ckpt")
    assert fit(tmp_path, 9, Configured(**settings), resume=True)[0][0] == 7.0


def test_schedule_that_ended_before_is_refused(tmp_path):
    fit(tmp_path, 8, Configured(schedule="OneCycleLR", max_lr=0.1, total_steps=10))
    with pytest.raises(ValueError, match="ends at step 6, but the checkpoint is at step 8"):
        fit(tmp_path, 10, Configured(schedule="OneCycleLR", max_lr=0.1, total_steps=6), resume=True)


def test_patience_of_early_stopping_holds(tmp_path):
    def stop(patience):
        return EarlyStopping("loss", patience=patience, check_on_train_epoch_end=False)

    options = {"val_check_interval": 2}
    assert len(fit(tmp_path, 30, Configured(), stop(2), **options)) == 6
    assert len(fit(tmp_path, 30, Configured(), stop(5), resume=True, **options)) == 6
    assert len(fit(tmp_path / "other", 30, Configured(), stop(5), **options)) == 12


def test_upstream_still_takes_the_old_learning_rate(tmp_path):
    fit(tmp_path, 5, Configured(), remedy=False)
    assert fit(tmp_path, 6, Configured(lr=0.01), resume=True, remedy=False)[0][0] == 0.1
