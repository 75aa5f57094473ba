"""The data of a run, told at its start."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, Trainer

from lumina.data.datamodule import SplitDataModule
from lumina.data.loader import Loader
from lumina.data.summary import summary


class DataSummary(Callback):
    """Prints once what a run has found, what was left out and why."""

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Samples, classes, batches and the length of an epoch."""
        data, training, evaluation = _data(trainer), trainer.train_dataloader, trainer.val_dataloaders
        if data is None or not isinstance(training, Loader):
            return
        batches, steps = trainer.num_training_batches, trainer.max_steps
        held_out = evaluation if isinstance(evaluation, Loader) else None
        told = summary(data, training, held_out, batches, trainer.accumulate_grad_batches, steps)
        print(f"Data\n{told}", flush=True)

    def on_validation_start(self, trainer: Trainer, pl_module: Any) -> None:
        """What was left out, where the run validates alone."""
        if trainer.state.fn == "validate":
            self.on_test_start(trainer, pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        """What was left out."""
        data = _data(trainer)
        for line in () if data is None else data.census().lines():
            print(f"  left out  {line}", flush=True)

    def on_predict_start(self, trainer: Trainer, pl_module: Any) -> None:
        """What was left out."""
        self.on_test_start(trainer, pl_module)


def _data(trainer: Trainer) -> SplitDataModule | None:
    """The datamodule, on the process that prints."""
    data = getattr(trainer, "datamodule", None)
    return data if trainer.is_global_zero and isinstance(data, SplitDataModule) else None
