"""Refuses invalid trainer settings that Lightning accepts."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

INTERVALS = ("log_every_n_steps", "accumulate_grad_batches", "num_nodes", "check_val_every_n_epoch")


def check_trainer(arguments: Mapping[str, Any]) -> None:
    """Checks the trainer's arguments against the machine and against each other.

    Args:
        arguments: of the trainer, with instantiated callbacks.

    Raises:
        ValueError: a setting is invalid; names its value and the allowed values.
    """
    for name in INTERVALS:
        if isinstance(arguments.get(name), int) and arguments[name] < 1:
            raise ValueError(f"trainer.{name}={arguments[name]} must be at least 1.")
    devices, most = str(arguments.get("devices")), 64 * max(os.cpu_count() or 1, torch.accelerator.device_count())
    if devices.isdigit() and int(devices) > most:
        raise ValueError(f"trainer.devices={devices}: this machine has {os.cpu_count()} CPU cores and {_devices()}.")
    callbacks = arguments.get("callbacks") or []
    _check_callbacks(callbacks if isinstance(callbacks, list) else [callbacks])


def _devices() -> str:
    count = torch.accelerator.device_count()
    return "no GPU" if not count else f"{count} GPU" if count == 1 else f"{count} GPUs"


def _check_callbacks(callbacks: list[Callback]) -> None:
    seen: set[str] = set()
    for callback in callbacks:
        name = type(callback).__name__
        if callback.state_key in seen:
            raise ValueError(f"trainer.callbacks has {name} twice, which would share their state; keep one.")
        seen.add(callback.state_key)
        if isinstance(callback, ModelCheckpoint):
            _check_checkpoints(callback)


def _check_checkpoints(callback: ModelCheckpoint) -> None:
    every = {"every_n_train_steps": callback._every_n_train_steps, "every_n_epochs": callback._every_n_epochs}
    if not any(every.values()) and callback._train_time_interval is None:
        raise ValueError("ModelCheckpoint: every_n_train_steps=0 never saves; set 1 or more, or leave it out.")
    for name, value in every.items():
        if value < 0 or not math.isfinite(value):
            raise ValueError(f"ModelCheckpoint: {name}={value} must be at least 1.")
