"""Gives the settings of a resumed run precedence over those in its checkpoint.

Bug in Lightning 2.6.6: a checkpoint restores the learning rate, weight decay, schedule and early-stopping patience of
the run that wrote it, whatever the settings of the resumed run.
"""

from __future__ import annotations

import inspect
import warnings
from copy import deepcopy
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch.optim import Optimizer

from lumina.survival.differences import differences

PARTS = ("optimizer", "lr_scheduler")


class GivenSettings(Callback):
    """Applies this run's optimizer and schedule settings if they differ from those in the checkpoint.

    The optimizer keeps its moments but gets the options of this run. The schedule is that of this run, advanced to the
    resumed step. Arguments of callbacks also come from this run. If nothing differs, nothing is changed.
    """

    def __init__(self) -> None:
        self._differ = False
        self._options: list[list[dict[str, Any]]] = []
        self._schedules: list[dict[str, Any]] = []

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Compares the configurations, and keeps this run's arguments of callbacks."""
        stored = checkpoint.get("hyper_parameters", {})
        self._differ = any(
            list(differences(stored.get(part), pl_module.hparams.get(part))) for part in PARTS if "optimizer" in stored
        )
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by a connector
            if not isinstance(callback, Checkpoint):  # compares its folder with that in the checkpoint
                _keep_arguments(callback, checkpoint["callbacks"].get(callback.state_key, {}))

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stores the settings of this run before those of the checkpoint are loaded."""
        self._options = [[_options(group) for group in optimizer.param_groups] for optimizer in trainer.optimizers]
        self._schedules = [deepcopy(config.scheduler.state_dict()) for config in trainer.lr_scheduler_configs]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restores the settings of this run.

        Raises:
            ValueError: the schedule ends before the resumed step.
        """
        if not self._differ:
            return
        for optimizer, options in zip(trainer.optimizers, self._options, strict=True):
            _set_options(optimizer, options)
        for config, state in zip(trainer.lr_scheduler_configs, self._schedules, strict=True):
            config.scheduler.load_state_dict(state)
            _forward(config.scheduler, trainer.global_step)


def _keep_arguments(callback: Callback, state: dict[str, Any]) -> None:
    for name in inspect.signature(type(callback).__init__).parameters:
        if name in state and hasattr(callback, name):
            state[name] = getattr(callback, name)


def _options(group: dict[str, Any]) -> dict[str, Any]:
    return {name: deepcopy(value) for name, value in group.items() if name != "params"}


def _set_options(optimizer: Optimizer, options: list[dict[str, Any]]) -> None:
    for group, given in zip(optimizer.param_groups, options, strict=True):
        for name in group.keys() - given.keys() - {"params"}:
            del group[name]
        group.update(given)


def _forward(scheduler: Any, steps: int) -> None:
    total = getattr(scheduler, "total_steps", None)  # OneCycleLR cannot go beyond its end
    if total is not None and steps >= total:
        raise ValueError(
            f"model.lr_scheduler ends at step {total}, but the checkpoint is at step {steps}: give it more steps, or "
            "start anew from the checkpoint's weights with model.weights."
        )
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Detected call of `lr_scheduler.step"
        )  # the optimizer has stepped in an earlier run
        for _ in range(steps):
            scheduler.step()
