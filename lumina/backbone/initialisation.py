"""Initial weights."""

from __future__ import annotations

from torch import nn


def xavier(module: nn.Module) -> None:
    """Xavier-uniform weights and zero biases in every linear layer of ``module``."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
