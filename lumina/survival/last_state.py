"""Saves the final state of a run.

Fixes a fault of Lightning 2.6.6: `ModelCheckpoint` saves at intervals. A run that ends between two of them, by
``max_steps``, early stopping or its time limit, loses the training since the last one.
"""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

NAME = "last.ckpt"


class LastState(Callback):
    """Saves ``last.ckpt`` beside the run's other checkpoints when training ends, unless that step is already saved."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves if the run has a `ModelCheckpoint`."""
        callbacks = _model_checkpoints(trainer)
        saved = any(callback._last_global_step_saved == trainer.global_step for callback in callbacks)
        if callbacks and not saved and not trainer.fast_dev_run:  # type: ignore[attr-defined]  # set by a connector
            save_last(trainer)


def save_last(trainer: Trainer) -> Path:
    """Saves the current state as ``last.ckpt`` in the folder of the run's `ModelCheckpoint`, or in the log folder."""
    callbacks = _model_checkpoints(trainer)
    folders = (callback.dirpath for callback in callbacks if callback.dirpath)
    path = Path(next(folders, trainer.log_dir or trainer.default_root_dir)) / NAME
    trainer.save_checkpoint(path, weights_only=False)
    for callback in callbacks:
        callback._last_global_step_saved, callback._last_checkpoint_saved = trainer.global_step, str(path)
    return path


def _model_checkpoints(trainer: Trainer) -> list[ModelCheckpoint]:
    return [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
