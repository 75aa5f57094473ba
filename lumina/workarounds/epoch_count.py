"""Resumes a checkpoint saved at the end of an epoch in the right epoch, also where ``max_steps`` ends the run.

Lightning 2.6.6 then counts one epoch too many: the next epoch's order is skipped, and without validation one batch
too many is trained.
"""

from __future__ import annotations

from lightning.pytorch import Trainer


def count_epochs_exactly(trainer: Trainer) -> None:
    """Lets the fit loop count epochs as it does where ``max_epochs`` ends the run; the steps still end it."""
    trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]
