"""Sets the length of the learning rate schedule to that of the run, or checks it if it is given."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, MutableMapping
from typing import Any

LENGTHS = ("total_steps", "T_max")
"""Arguments of PyTorch's schedulers that count the steps of the whole schedule."""


def settle_schedule(model: Mapping[str, Any], trainer: Mapping[str, Any]) -> None:
    """Sets the scheduler's length to that of the run if it is unset, and compares the two otherwise.

    Args:
        model: arguments of the model as plain data; the scheduler's ``total_steps`` is set in place.
        trainer: arguments of the trainer; ``max_steps`` is used.

    Raises:
        ValueError: neither length is set, or the schedule ends before the run and cannot continue.
    """
    scheduler = model.get("lr_scheduler")
    arguments = scheduler.get("init_args") if scheduler else None
    if not arguments:
        return
    steps = trainer.get("max_steps") or -1
    if "total_steps" in arguments and not any(arguments.get(n) for n in ("total_steps", "epochs", "steps_per_epoch")):
        _measure(arguments, steps)
    for name in LENGTHS:
        if steps > 0 and arguments.get(name):
            _compare(name, arguments[name], steps)
    _compare_rates(arguments, model.get("optimizer"))


def follow_run(model: Mapping[str, Any], trainer: Mapping[str, Any]) -> None:
    """Unsets the scheduler's ``total_steps`` if it equals the run's length, so it follows a changed length.

    Args:
        model: arguments of the model as plain data; changed in place.
        trainer: arguments of the trainer; ``max_steps`` is used.
    """
    scheduler = model.get("lr_scheduler")
    arguments = (scheduler.get("init_args") if scheduler else None) or {}
    if arguments.get("total_steps") == trainer.get("max_steps"):
        arguments["total_steps"] = None


def _measure(arguments: MutableMapping[str, Any], steps: int) -> None:
    if arguments["total_steps"] is not None:
        raise ValueError(
            f"model.lr_scheduler: total_steps={arguments['total_steps']} must be at least 1; left out, it follows "
            "trainer.max_steps."
        )
    if steps < 1:
        raise ValueError(
            "model.lr_scheduler: total_steps is left out, and trainer.max_steps, which it would follow, is not given "
            "either; give one of them."
        )
    arguments["total_steps"] = steps


def _compare(name: str, length: int, steps: int) -> None:
    said = f"model.lr_scheduler: {name}={length}, but the run has trainer.max_steps={steps}"
    if length < steps and name == "total_steps":
        raise ValueError(f"{said}: it would end before the run does. Leave total_steps out, it follows max_steps.")
    if length < steps:
        warnings.warn(f"{said}: the learning rate rises again after step {length}.", stacklevel=2)
    elif length > 1.1 * steps:
        warnings.warn(f"{said}: the run ends before the learning rate has come down.", stacklevel=2)


def _compare_rates(scheduler: Mapping[str, Any], optimizer: Any) -> None:
    rate = ((optimizer or {}).get("init_args") or {}).get("lr")
    peak = scheduler.get("max_lr")
    if isinstance(rate, float) and isinstance(peak, float) and rate != peak:
        warnings.warn(
            f"model.optimizer has lr={rate:g}, but the scheduler sets the rate, up to max_lr={peak:g}: lr never acts.",
            stacklevel=2,
        )
