"""AdamW with the weight decay of vision transformers: weight matrices only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class AdamW(torch.optim.AdamW):
    """AdamW whose weight decay applies to matrices only, not to norms, biases and gates, which are vectors (DeiT).

    Args:
        params: the parameters to train.
        lr: learning rate.
        betas: decay rates of the first and second moment.
        eps: added to the denominator.
        weight_decay: decoupled weight decay of parameters with two or more axes.
        fused: use one fused kernel; None = PyTorch's default.
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
