"""Embeddings of the backbone's inputs: tokens, time and pooled text."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lumina.backbone.initialisation import zero_linear
from lumina.values import Inference

FREQUENCIES = 128  # of the time embedding


class LinearEmbedding(nn.Linear):
    """A linear embedding of the tokens, Xavier-initialised; it does not use the time.

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
        """Embeds ``features [B, L, F]`` as ``[B, L, D]``; the other arguments are not used."""
        return super().forward(features.to(self.weight.dtype))


class TimeEmbedding(nn.Module):
    """A two-layer MLP on sinusoidal features of the time (DiT), which is not scaled by 1,000.

    The 256 features are ``[cos(t w_k), sin(t w_k)]`` with ``w_k = 10000^(-k / 128)``, k = 0 ... 127. Weights are
    initialised from N(0, 0.02^2), biases with 0.

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
        """Embeds times ``t [B]`` as ``[B, width]``."""
        steps = torch.arange(FREQUENCIES, device=t.device, dtype=torch.float32)
        angles = t.float().unsqueeze(-1) * torch.exp(-math.log(10000) / FREQUENCIES * steps)
        return self.mlp(torch.cat((angles.cos(), angles.sin()), -1).to(next(self.mlp.parameters()).dtype))


class PooledText(nn.Sequential):
    """Masked mean of the text features, then LayerNorm and a linear layer that is initialised to zero.

    Args:
        text_dim: C of the text features.
        width: of the condition vector.
    """

    def __init__(self, text_dim: int, width: int) -> None:
        super().__init__(nn.LayerNorm(text_dim), zero_linear(text_dim, width))

    def forward(self, text: Tensor, mask: Tensor | None = None) -> Tensor:
        """Pools ``text [B, S, C]`` under ``mask [B, S]`` to ``[B, width]``; the mean of a text without tokens is 0."""
        if mask is None:
            return super().forward(text.mean(1))
        weight = mask.unsqueeze(-1).to(text.dtype)
        return super().forward((text * weight).sum(1) / weight.sum(1).clamp(min=1))
