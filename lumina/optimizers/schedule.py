"""An optimizer together with the schedule of its learning rate."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.cli import LRSchedulerCallable
from torch.optim import Optimizer


def on_schedule(optimizer: Optimizer, schedule: LRSchedulerCallable | None) -> Any:
    """Returns what ``configure_optimizers`` gives to Lightning: the schedule steps with the optimizer.

    Args:
        optimizer: whose learning rate changes.
        schedule: builds the scheduler; None = constant learning rate.

    Raises:
        ValueError: the run is too short for the schedule.
    """
    if schedule is None:
        return optimizer
    try:
        scheduler = schedule(optimizer)
    except ZeroDivisionError as error:  # OneCycleLR's, where the rise takes a single step
        raise ValueError(
            "model.lr_scheduler divides by zero: its warm-up (OneCycleLR's pct_start of all steps) is a single step; "
            "change trainer.max_steps or pct_start."
        ) from error
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
