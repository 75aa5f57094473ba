"""Saves the last state of a run.

Remedies, in Lightning 2.6.6: `ModelCheckpoint` saves every so many steps, and a run that ends in between, by its number
of steps, early stopping or its time limit, loses what it learnt since.
"""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

NAME = "last.ckpt"


class LastState(Callback):
    """Saves ``last.ckpt`` when training ends, beside the run's other checkpoints, unless that step is saved already."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves, where the run keeps checkpoints at all."""
        keepers = _keepers(trainer)
        saved = any(keeper._last_global_step_saved == trainer.global_step for keeper in keepers)
        if keepers and not saved and not trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by a connector
            save_last(trainer)


def save_last(trainer: Trainer) -> Path:
    """Saves the present state as ``last.ckpt``: in the folder of the run's `ModelCheckpoint`, else the log folder."""
    keepers = _keepers(trainer)
    folder = next((keeper.dirpath for keeper in keepers if keeper.dirpath), trainer.log_dir or trainer.default_root_dir)
    path = Path(folder) / NAME
    trainer.save_checkpoint(path, weights_only=False)
    for keeper in keepers:
        keeper._last_global_step_saved, keeper._last_checkpoint_saved = trainer.global_step, str(path)
    return path


def _keepers(trainer: Trainer) -> list[ModelCheckpoint]:
    return [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
