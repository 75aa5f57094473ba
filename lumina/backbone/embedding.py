"""What enters the backbone: tokens, time, pooled text."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lumina.backbone.initialisation import zero_linear
from lumina.values import Inference

FREQUENCIES = 128


class LinearEmbedding(nn.Linear):
    """A linear input embedding: ``features [B, L, F] -> [B, L, D]``; nothing else is read.

    Args:
        token_dim: F.
        width: D.
    """

    def __init__(self, token_dim: int, width: int) -> None:
        super().__init__(token_dim, width)
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(
        self,
        features: Tensor,
        t: Tensor | None = None,
        mask: Tensor | None = None,
        inference: Inference | None = None,
    ) -> Tensor:
        """``[B, L, D]``."""
        return super().forward(features.to(self.weight.dtype))


class TimeEmbedding(nn.Module):
    """Sinusoids of the unscaled time, ``[cos, sin]`` and 256 wide, through a two-layer MLP.

    Args:
        width: of the condition vector.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = nn.Linear(2 * FREQUENCIES, width), nn.Linear(width, width)
        for layer in layers:
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        self.mlp = nn.Sequential(layers[0], nn.SiLU(), layers[1])

    def forward(self, t: Tensor) -> Tensor:
        """``t [B] -> [B, width]``."""
        steps = torch.arange(FREQUENCIES, device=t.device, dtype=torch.float32)
        angles = t.float().unsqueeze(-1) * torch.exp(-math.log(10000) / FREQUENCIES * steps)
        return self.mlp(torch.cat((angles.cos(), angles.sin()), -1).to(next(self.mlp.parameters()).dtype))


class PooledText(nn.Sequential):
    """Masked mean of the text features, LayerNorm, zero-initialised Linear.

    Args:
        text_dim: C of the text features.
        width: of the condition vector.
    """

    def __init__(self, text_dim: int, width: int) -> None:
        super().__init__(nn.LayerNorm(text_dim), zero_linear(text_dim, width))

    def forward(self, text: Tensor, mask: Tensor | None = None) -> Tensor:
        """``text [B, S, C]``, ``mask [B, S]`` -> ``[B, width]``; a text without any token pools to zero, not to NaN."""
        if mask is None:
            return super().forward(text.mean(1))
        weight = mask.unsqueeze(-1).to(text.dtype)
        return super().forward((text * weight).sum(1) / weight.sum(1).clamp(min=1))
