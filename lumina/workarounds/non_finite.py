"""Keeps NaN and infinity out of the weights.

Remedies, in Lightning 2.6.6: after a non-finite loss training goes on, the weights become NaN, the checkpoints are
overwritten with them, and the run ends with exit code 0.
"""

from __future__ import annotations

import torch
import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer


class NonFiniteGuard(Callback):
    """Skips an optimizer step whose gradient norm is not finite; gives up when it happens again and again.

    With float16's loss scaler it stands aside: the scaler skips such steps itself, and has to in order to settle.

    Args:
        patience: the run is ended at this many such steps in a row.

    Attributes:
        skipped: steps skipped since training began.

    Raises:
        ValueError: if ``patience`` is below 1.
    """

    def __init__(self, patience: int = 3) -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}: 1 ends the run at the first bad step")
        self.patience = patience
        self.skipped = 0
        self._in_a_row = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts anew."""
        self.skipped = self._in_a_row = 0

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Drops the gradients on all ranks if the norm is not finite on any.

        Raises:
            FloatingPointError: at the last of ``patience`` bad steps in a row.
        """
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            return
        if _gradients_are_finite(trainer, optimizer):
            self._in_a_row = 0
            return
        self.skipped += 1
        self._in_a_row += 1
        optimizer.zero_grad(set_to_none=True)
        self._report(trainer.global_step)

    def _report(self, step: int) -> None:
        if self._in_a_row >= self.patience:
            raise FloatingPointError(
                f"the gradients were NaN or infinite in {self._in_a_row} steps in a row, up to step {step}; the "
                "weights were left alone: lower the learning rate, clip gradients, and look at the last batches"
            )
        rank_zero_warn(
            f"step {step} is skipped, its gradients are NaN or infinite ({self._in_a_row} in a row, {self.skipped} in "
            f"all; the run ends at {self.patience} in a row)"
        )


def _gradients_are_finite(trainer: Trainer, optimizer: Optimizer) -> bool:
    """Whether the norm of the gradients is finite on every rank; each looks at its own shards."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    norm = get_total_norm([_local(parameter.grad) for parameter in parameters if parameter.grad is not None])
    bad = norm.isfinite().logical_not().int().to(trainer.strategy.root_device)
    if trainer.world_size > 1:
        torch.distributed.all_reduce(bad, torch.distributed.ReduceOp.MAX)
    return not bad.item()


def _local(gradient: Tensor) -> Tensor:
    return gradient.to_local() if isinstance(gradient, DTensor) else gradient
