"""Keeps NaN and infinity out of the weights.

Fixes a fault of Lightning 2.6.6: training continues after a non-finite loss, so the weights become NaN, checkpoints are
overwritten with them, and the run ends with exit code 0.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
import torch.distributed
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.optim import Optimizer


class NonFiniteGuard(Callback):
    """Skips optimizer steps with a non-finite gradient norm, and ends the run if there are too many of them.

    It uses the norm of the module's ``gradients``, a `lumina.optimizers.gradients.Gradients`. With the loss scaler of
    float16 it does nothing: the scaler skips such steps itself and needs them to adapt its scale.

    Args:
        patience: number of skipped steps within ``window`` that ends the run.
        window: number of recent steps.

    Attributes:
        skipped: steps skipped since training began.

    Raises:
        ValueError: ``1 <= patience <= window`` does not hold.
    """

    def __init__(self, patience: int = 3, window: int = 20) -> None:
        if not 1 <= patience <= window:
            raise ValueError(
                f"NonFiniteGuard: patience={patience} must be at least 1 and at most window={window}; 1 ends the run "
                "at the first bad step."
            )
        self.patience = patience
        self.skipped = 0
        self._bad: deque[bool] = deque(maxlen=window)

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Resets the counts."""
        self.skipped = 0
        self._bad.clear()

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Optimizer) -> None:
        """Discards the gradients on all ranks if the norm is not finite on any of them.

        Raises:
            FloatingPointError: ``patience`` steps of the last ``window`` were skipped.
        """
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            return
        self._bad.append(not _finite_everywhere(trainer, pl_module.gradients.norm(optimizer)))
        if self._bad[-1]:
            self.skipped += 1
            optimizer.zero_grad(set_to_none=True)
            self._report(trainer.global_step)

    def _report(self, step: int) -> None:
        count = f"{sum(self._bad)} of the last {len(self._bad)} steps"
        if sum(self._bad) >= self.patience:
            raise FloatingPointError(
                f"the gradients were NaN or infinite in {count}, up to step {step}; the weights are unchanged: lower "
                "the learning rate, clip gradients, and check the last batches"
            )
        rank_zero_warn(
            f"step {step} is skipped, its gradients are NaN or infinite ({count}; the run ends at {self.patience} of "
            f"{self._bad.maxlen})"
        )


def _finite_everywhere(trainer: Trainer, norm: Tensor) -> bool:
    bad = norm.isfinite().logical_not().int().to(trainer.strategy.root_device)
    if trainer.world_size > 1:
        torch.distributed.all_reduce(bad, torch.distributed.ReduceOp.MAX)
    return not bad.item()
