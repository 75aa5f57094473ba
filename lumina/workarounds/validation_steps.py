"""Counts ``val_check_interval`` in optimizer steps, like ``max_steps`` and the callbacks.

Bug in Lightning 2.6.6: it counts batches. With sixteen batches per step, validation runs sixteen times as often as
checkpoints and sample sheets with the same number in the YAML.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer


def validate_by_steps(trainer: Trainer) -> None:
    """Makes an integer ``val_check_interval`` count optimizer steps; fractions of an epoch and durations do not change.

    Raises:
        ValueError: the interval is below 1.
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
