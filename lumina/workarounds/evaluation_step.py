"""Sets the step of an evaluation to that of its checkpoint.

Bug in Lightning 2.6.6: ``validate``, ``test`` and ``predict`` log everything at step 0.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn


class EvaluationStep(Callback):
    """Sets the trainer's step to that of the checkpoint."""

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Sets the step, except in training, where Lightning restores the loops."""
        if trainer.state.fn == TrainerFn.FITTING:
            return
        step, loop = checkpoint["global_step"], trainer.fit_loop.epoch_loop
        loop.automatic_optimization.optim_progress.optimizer.step.total.completed = step
        loop._batches_that_stepped = max(0, step - 1)  # as in validation during training
