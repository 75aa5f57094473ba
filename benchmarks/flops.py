"""Useful floating-point operations of the backbone, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence

from lumina.backbone import NextDiTConfig
from lumina.backbone.embedding import FREQUENCIES

TRAINING = 3  # forward and backward; a backward pass takes as much as two forward passes


def forward_flops(config: NextDiTConfig, lengths: Sequence[int], text_tokens: int) -> int:
    """Multiplications and additions in all matrix products of one forward pass, padding not counted.

    Args:
        config: a backbone with text, no biases' and no norms' cost being counted.
        lengths: tokens of each sample.
        text_tokens: S, of every sample.
    """
    token_dim, text_dim = config.token_dim or 0, config.text_dim or 0
    kv_width = config.kv_heads * config.head_dim
    block = config.dim * (2 * config.dim + 2 * kv_width + 3 * config.hidden_dim)
    per_token = config.num_layers * block + 2 * config.dim * token_dim
    time_mlp = 2 * FREQUENCIES * config.cond_dim + config.cond_dim**2
    pooled_text = text_dim * config.cond_dim
    modulation = (4 * config.num_layers + 1) * config.cond_dim * config.dim
    text_keys = config.num_layers * text_tokens * text_dim * 2 * kv_width
    per_sample = time_mlp + pooled_text + modulation + text_keys
    pairs = sum(length * (length + text_tokens) for length in lengths)
    attention = config.num_layers * 2 * config.dim * pairs
    return 2 * (sum(lengths) * per_token + len(lengths) * per_sample + attention)
