"""Counts optimizer steps for ``val_check_interval``, as ``max_steps`` and the callbacks do.

Lightning 2.6.6 counts batches: with sixteen batches a step, validation comes sixteen times as often as the checkpoints
and sample sheets that have the same number in the YAML.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer


def validate_by_steps(trainer: Trainer) -> None:
    """Lets a whole ``val_check_interval`` mean so many optimizer steps; shares of an epoch and times stay.

    Raises:
        ValueError: for less than one step.
    """
    interval, loop = trainer.val_check_interval, trainer.fit_loop.epoch_loop
    if not isinstance(interval, int):
        return
    if interval < 1:
        raise ValueError(
            f"trainer.val_check_interval={interval} must be at least 1 optimizer step; to train without "
            "validation, set trainer.limit_val_batches=0."
        )

    def is_due(data_fetcher: Any) -> bool:
        if not loop._should_check_val_epoch():
            return False
        if trainer.should_stop and trainer.fit_loop._can_stop_early:  # the last validation of a stopped run
            return True
        return not loop._should_accumulate() and trainer.global_step % interval == 0

    loop._should_check_val_fx = is_due  # type: ignore[method-assign]
