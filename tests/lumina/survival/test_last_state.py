"""The last state of a run is saved, however it ends, and once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader

from lumina.survival.exact_resume import ExactResume
from lumina.survival.last_state import LastState


class Module(LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, index):
        return self.weight.sum()

    def validation_step(self, batch, index):
        self.log("loss", 1.0)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class Counted(Trainer):
    saved = 0

    def save_checkpoint(self, *arguments, **options):
        self.saved += 1
        super().save_checkpoint(*arguments, **options)


def fit(folder, *callbacks, remedy=True, **options):
    keeper = ModelCheckpoint(folder, save_last=True, every_n_train_steps=10)
    callbacks = [keeper, *callbacks, *([ExactResume(), LastState()] if remedy else [])]
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Counted(callbacks=callbacks, **quiet, **options)
    trainer.fit(Module(), DataLoader(torch.arange(100)), DataLoader(torch.arange(2)))
    return trainer


def last(folder):
    return torch.load(folder / "last.ckpt", weights_only=True)


ENDS = {
    "steps": {"max_steps": 29},
    "epochs": {"max_epochs": 1, "limit_train_batches": 29},
    "time": {"max_time": timedelta(microseconds=1)},
}


@pytest.mark.parametrize("end", ENDS)
def test_last_state_is_saved(tmp_path, end):
    trainer = fit(tmp_path, **ENDS[end])
    assert last(tmp_path)["global_step"] == trainer.global_step > 0
    assert trainer.global_step % 10


def test_early_stop_is_saved(tmp_path):
    stop = EarlyStopping("loss", patience=1, check_on_train_epoch_end=False)
    trainer = fit(tmp_path, stop, max_steps=99, val_check_interval=7)
    assert last(tmp_path)["global_step"] == trainer.global_step == 14


def test_saved_state_is_not_saved_again(tmp_path):
    assert fit(tmp_path / "one", max_steps=20).saved == 4  # two files at each of two steps
    assert fit(tmp_path / "two", max_steps=29).saved == 5


def test_last_state_is_saved_without_advice(tmp_path, caplog):
    fit(tmp_path, max_steps=3)
    assert "weights_only" not in caplog.text


def test_run_without_checkpoints_saves_none(tmp_path):
    options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(
        callbacks=[LastState()], enable_checkpointing=False, default_root_dir=tmp_path, max_steps=2, **options
    )
    trainer.fit(Module(), DataLoader(torch.arange(3)))
    assert not list(tmp_path.rglob("*.ckpt"))


def test_upstream_still_loses_the_last_steps(tmp_path):
    fit(tmp_path, remedy=False, max_steps=29)
    assert last(tmp_path)["global_step"] == 20
