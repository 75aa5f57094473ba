"""Logs learning rate and speed."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from lumina.callbacks.stopwatch import Stopwatch


class TrainingStatistics(Callback):
    """Logs ``train/learning_rate``, ``train/samples_per_second`` and ``train/tokens_per_second``.

    Parameter groups with different learning rates are numbered: ``train/learning_rate/0``. Speeds are summed over all
    processes and measure training only, without validation and sample sheets. Padding does not count as tokens.
    """

    def __init__(self) -> None:
        self._watch = Stopwatch()
        self._begin()

    def _begin(self) -> None:
        self._start = self._watch.seconds
        self._samples: int = 0
        self._tokens: Tensor | int = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts counting."""
        self._watch.run()
        self._begin()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Pauses the stopwatch."""
        self._watch.pause()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Resumes the stopwatch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._watch.run()

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Logs the learning rates of this step."""
        if trainer._logger_connector.should_update_logs:
            rates = [group["lr"] for group in optimizer.param_groups]
            equal = len(set(rates)) == 1
            for number, rate in enumerate(rates[:1] if equal else rates):
                pl_module.log("train/learning_rate" + ("" if equal else f"/{number}"), rate)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts samples and tokens; reads the token count from the device only when logging."""
        self._samples += outputs["samples"]
        self._tokens = self._tokens + outputs["tokens"]
        if trainer._logger_connector.should_update_logs and not trainer.fit_loop._should_accumulate():
            seconds = max(self._watch.seconds - self._start, 1e-9)
            share = 1.0  # below 1 if several processes see the same data
            if trainer.world_size > 1 and (sampler := trainer.distributed_sampler_kwargs):
                share = sampler["num_replicas"] / trainer.world_size
            for name, count in (("samples", self._samples), ("tokens", self._tokens)):
                pl_module.log(
                    f"train/{name}_per_second", float(count) * share / seconds, sync_dist=True, reduce_fx="sum"
                )
            self._begin()
