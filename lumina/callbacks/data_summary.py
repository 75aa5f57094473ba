"""Prints a summary of the data at the start of a run."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, Trainer

from lumina.data.datamodule import SplitDataModule
from lumina.data.loader import Loader
from lumina.data.summary import summary


class DataSummary(Callback):
    """Prints the samples, classes and batches of a run, and the samples left out with the reasons."""

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Prints samples, classes, batches and the length of an epoch."""
        data, training, evaluation = _data(trainer), trainer.train_dataloader, trainer.val_dataloaders
        if data is None or not isinstance(training, Loader):
            return
        batches, steps = trainer.num_training_batches, trainer.max_steps
        held_out = evaluation if isinstance(evaluation, Loader) else None
        lines = summary(data, training, held_out, batches, trainer.accumulate_grad_batches, steps)
        print(f"Data\n{lines}", flush=True)

    def on_validation_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Prints the samples left out in `lumina validate`."""
        if trainer.state.fn == "validate":
            self.on_test_start(trainer, pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Prints the samples left out."""
        data = _data(trainer)
        for line in () if data is None else data.census().lines():
            print(f"  left out  {line}", flush=True)

    def on_predict_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Prints the samples left out."""
        self.on_test_start(trainer, pl_module)


def _data(trainer: Trainer) -> SplitDataModule | None:
    """The datamodule on the main process, which prints; None on others."""
    data = getattr(trainer, "datamodule", None)
    return data if trainer.is_global_zero and isinstance(data, SplitDataModule) else None
