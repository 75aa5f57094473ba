"""Learning rate and speed on the dashboards."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from lumina.callbacks.stopwatch import Stopwatch


class TrainingStatistics(Callback):
    """Logs ``train/learning_rate``, ``train/samples_per_second`` and ``train/tokens_per_second``.

    Parameter groups of different learning rates are numbered: ``train/learning_rate/0``. Speeds are of all processes
    together and of training alone: validation and drawing samples do not count. Padding does not count as tokens.
    """

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._watch = Stopwatch()
        self._begin()

    def _begin(self) -> None:
        self._start = self._watch.seconds
        self._samples: int = 0
        self._tokens: Tensor | int = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts from here."""
        self._watch.run()
        self._begin()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stops the watch."""
        self._watch.pause()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lets the watch run on."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._watch.run()

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Logs the learning rates that this step takes."""
        if trainer._logger_connector.should_update_logs:
            rates = [group["lr"] for group in optimizer.param_groups]
            one = len(set(rates)) == 1
            for place, rate in enumerate(rates[:1] if one else rates):
                pl_module.log("train/learning_rate" + ("" if one else f"/{place}"), rate)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts; the device is asked for the tokens only when it is time to log."""
        self._samples += outputs["samples"]
        self._tokens = self._tokens + outputs["tokens"]
        if trainer._logger_connector.should_update_logs and not trainer.fit_loop._should_accumulate():
            seconds = max(self._watch.seconds - self._start, 1e-9)
            share = 1.0  # of the sum over all processes, where some have the same data
            if trainer.world_size > 1 and (place := trainer.distributed_sampler_kwargs):
                share = place["num_replicas"] / trainer.world_size
            for name, count in (("samples", self._samples), ("tokens", self._tokens)):
                pl_module.log(
                    f"train/{name}_per_second", float(count) * share / seconds, sync_dist=True, reduce_fx="sum"
                )
            self._begin()
