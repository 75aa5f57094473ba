"""Weight decay as vision transformers are trained with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class AdamW(torch.optim.AdamW):
    """AdamW that decays matrices alone; norms, biases and gates, which are vectors, are left to the loss (DeiT).

    Args:
        params: to train.
        lr: learning rate.
        betas: decay of the two moments.
        eps: added to the denominator.
        weight_decay: decoupled, of parameters with two axes or more.
        fused: one kernel for all; None = PyTorch's choice.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.05,
        fused: bool | None = None,
    ) -> None:
        parameters = list(params)
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.ndim > 1]},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        super().__init__(groups, lr, betas, eps, weight_decay, fused=fused)
