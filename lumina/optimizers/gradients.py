"""The norm of the gradients, and clipping by it.

Stands in for Lightning's clipping, which refuses fused optimizers under mixed precision, with or without a loss scaler,
and fails where only a part of the parameters is sharded. Remedied in 2.6.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer


class Gradients:
    """Those of an optimizer step: their norm, computed once for all who ask, and clipping."""

    def __init__(self) -> None:
        """No step yet."""
        self._norm: Tensor | None = None

    @torch.no_grad()
    def norm(self, optimizer: Optimizer) -> Tensor:
        """``[]``, the 2-norm of all gradients before clipping; of sharded ones over all ranks."""
        if self._norm is None:
            self._norm = _total_norm(_gradients(optimizer))
        return self._norm

    def forget(self) -> None:
        """The next step begins."""
        self._norm = None

    @torch.no_grad()
    def clip(self, optimizer: Optimizer, limit: float, algorithm: str | None) -> None:
        """Clips the gradients in place.

        Args:
            optimizer: whose parameters have them.
            limit: the largest norm, or the largest value of an element; 0 = they stay as they are.
            algorithm: "norm" or "value"; None = "norm".
        """
        shards = _local(_gradients(optimizer))
        if not limit or not shards:
            return
        if algorithm == "value":
            torch._foreach_clamp_min_(shards, -limit)
            torch._foreach_clamp_max_(shards, limit)
        else:
            factor = (limit / (self.norm(optimizer) + 1e-6)).clamp(max=1)  # that of torch.nn.utils.clip_grad_norm_
            torch._foreach_mul_(shards, factor)


def check_clipping(limit: float | None) -> None:
    """Refuses a limit that clips nothing as it is meant to.

    Raises:
        ValueError: for a negative one, or none of the real numbers.
    """
    if limit is not None and not 0 <= limit < float("inf"):
        raise ValueError(
            f"Got trainer.gradient_clip_val {limit}: set a positive norm, such as 1.0, or leave it out for no clipping."
        )


def unscale(optimizer: Optimizer, scaler: Any) -> None:
    """Divides the gradients by the loss scale where Lightning leaves that to a fused optimizer's step."""
    if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
        scaler.unscale_(optimizer)


def _gradients(optimizer: Optimizer) -> list[Tensor]:
    parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def _total_norm(gradients: list[Tensor]) -> Tensor:
    sharded = [gradient for gradient in gradients if isinstance(gradient, DTensor)]
    whole = [gradient for gradient in gradients if not isinstance(gradient, DTensor)]
    norms = [_full(get_total_norm(part)) for part in (sharded, whole) if part]
    return torch.linalg.vector_norm(torch.stack(norms)) if norms else torch.zeros(())


def _full(norm: Tensor) -> Tensor:
    return norm.full_tensor() if isinstance(norm, DTensor) else norm


def _local(gradients: Iterable[Tensor]) -> list[Tensor]:
    """This rank's shards; they share memory with the gradients."""
    return [gradient.to_local() if isinstance(gradient, DTensor) else gradient for gradient in gradients]
