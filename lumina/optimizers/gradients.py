"""Gradient norm and gradient clipping.

Replaces Lightning's clipping, which refuses fused optimizers under mixed precision, with or without a loss scaler, and
fails if only some parameters are sharded. Fixed in Lightning 2.6.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer


class Gradients:
    """Norm and clipping of the gradients of one optimizer step; the norm is computed once and cached."""

    def __init__(self) -> None:
        self._norm: Tensor | None = None

    @torch.no_grad()
    def norm(self, optimizer: Optimizer) -> Tensor:
        """The 2-norm ``[]`` of all gradients before clipping; that of sharded gradients covers all ranks."""
        if self._norm is None:
            self._norm = _total_norm(_gradients(optimizer))
        return self._norm

    def forget(self) -> None:
        """Clears the cached norm before the next step."""
        self._norm = None

    @torch.no_grad()
    def clip(
        self, optimizer: Optimizer, limit: float, algorithm: str | None, parts: Iterable[nn.Module] | None = None
    ) -> None:
        """Clips the gradients in place.

        Args:
            optimizer: its parameters' gradients are clipped.
            limit: the largest norm, or the largest absolute value of an element; 0 = no clipping.
            algorithm: "norm" or "value"; None = "norm".
            parts: the networks that the optimizer trains, each of which is clipped by its own norm; None = one norm.
        """
        if not limit:
            return
        if parts is None:
            _clip(_gradients(optimizer), limit, algorithm, self.norm(optimizer))
        for part in parts or ():
            gradients = [parameter.grad for parameter in part.parameters() if parameter.grad is not None]
            _clip(gradients, limit, algorithm, _total_norm(gradients))


def check_clipping(limit: float | None) -> None:
    """Refuses an invalid clipping limit.

    Raises:
        ValueError: the limit is negative, infinite or NaN.
    """
    if limit is not None and not 0 <= limit < float("inf"):
        raise ValueError(
            f"Got trainer.gradient_clip_val {limit}: set a positive norm, such as 1.0, or leave it out for no clipping."
        )


def unscale(optimizer: Optimizer, scaler: Any) -> None:
    """Divides the gradients by the loss scale; Lightning leaves this to the step of a fused optimizer."""
    if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
        scaler.unscale_(optimizer)


def _clip(gradients: list[Tensor], limit: float, algorithm: str | None, norm: Tensor) -> None:
    shards = _local(gradients)
    if not shards:
        return
    if algorithm == "value":
        torch._foreach_clamp_min_(shards, -limit)
        torch._foreach_clamp_max_(shards, limit)
    else:
        torch._foreach_mul_(shards, (limit / (norm + 1e-6)).clamp(max=1))  # as torch.nn.utils.clip_grad_norm_


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
    """This rank's shards of the gradients, as views."""
    return [gradient.to_local() if isinstance(gradient, DTensor) else gradient for gradient in gradients]
