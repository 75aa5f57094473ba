"""Grouped-query self-attention and gated cross-attention to text, on batches without padding or packed batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lumina.backbone.config import NextDiTConfig
from lumina.backbone.initialisation import xavier
from lumina.backbone.layout import Layout
from lumina.backbone.pooling import Pool
from lumina.backbone.rope import Table, rotate
from lumina.backbone.sdpa import sdpa
from lumina.backbone.text import Text
from lumina.backbone.varlen import Pairs, attend_segments

Keys = tuple[Tensor, Tensor]
"""Keys and values, each ``[B, S, H_kv, d]`` or packed ``[1, M, H_kv, d]``."""


class Attention(nn.Module):
    """Self-attention, plus cross-attention to text with a tanh gate per head that starts at 0.

    The output is ``wo(A(q, k, v) + tanh(gate) A(q, k_text, v_text))`` with scaled dot-product attention A. Both
    attentions use the same query, after its norm and RoPE. Text keys have their own norm and no RoPE (Lumina-Next,
    section 2.1). Parameter names and Xavier initialisation are those of the released code.

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        super().__init__()
        width, kv_width = config.dim, config.kv_heads * config.head_dim
        self.head_dim = config.head_dim
        self.wq = nn.Linear(width, width, bias=config.bias)
        self.wk = nn.Linear(width, kv_width, bias=config.bias)
        self.wv = nn.Linear(width, kv_width, bias=config.bias)
        self.wo = nn.Linear(width, width, bias=config.bias)
        self.q_norm = QKNorm(config, width)
        self.k_norm = QKNorm(config, kv_width)
        self.gate: nn.Parameter | None = None
        if config.text_dim is not None:
            self.wk_y = nn.Linear(config.text_dim, kv_width, bias=False)
            self.wv_y = nn.Linear(config.text_dim, kv_width, bias=False)
            self.ky_norm = QKNorm(config, kv_width)
            self.gate = nn.Parameter(torch.zeros(config.num_heads))
        xavier(self)

    def forward(
        self,
        x: Tensor,
        table: Table | None,
        layout: Layout,
        text_keys: Keys | None,
        text: Text | None,
        pool: Pool | None = None,
    ) -> Tensor:
        """Applies self-attention and, if there is text, gated cross-attention.

        Args:
            x: ``[B, L, D]``, or packed ``[1, N, D]``.
            table: cosines and sines from `rotary_table`; None = no rotary positions.
            layout: of the batch.
            text_keys: result of `text_keys`; None = no text.
            text: masks or segments of the text.
            pool: averages keys and values of self-attention; None = no averaging.

        Returns:
            The attention output, of the shape of ``x``.
        """
        q, k = self.q_norm(self.wq(x)), self.k_norm(self.wk(x))
        if table is not None:
            q = rotate(q, table)
        scaled = q if layout.query_scale is None else (q * layout.query_scale).type_as(q)
        if pool is None:
            k, v, pairs = k if table is None else rotate(k, table), self.wv(x), layout.pairs
        else:  # wv is linear, so the values of mean tokens are the mean values
            k, v, pairs = pool.keys(k, table), self.wv(pool.mean(x)), pool.pairs
        heads = attend(scaled, k, self._heads(v), pairs, layout.mask)
        if text_keys is not None and text is not None and self.gate is not None:
            across = attend_text(q, *text_keys, text)
            heads = heads + torch.tanh(self.gate).to(heads.dtype).unsqueeze(-1) * across
        return self.wo(heads.flatten(-2))

    def text_keys(self, y: Tensor) -> Keys:
        """Keys and values of normalised text features ``y [B, S, C]``; independent of time and tokens."""
        return self.ky_norm(self.wk_y(y)), self._heads(self.wv_y(y))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_dim))


class QKNorm(nn.Module):
    """Splits queries or keys ``[..., H * d]`` into heads ``[..., H, d]`` and normalises them.

    LayerNorm is applied over all heads together, over each head, or not at all, by ``config.qk_norm``.

    Args:
        config: the backbone's.
        width: H * d.
    """

    def __init__(self, config: NextDiTConfig, width: int) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.per_head = config.qk_norm == "per_head"
        size = config.head_dim if self.per_head else width
        self.weight = nn.Parameter(torch.ones(size)) if config.qk_norm else None
        self.bias = nn.Parameter(torch.zeros(size)) if config.qk_norm else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalises and splits: ``[..., H * d] -> [..., H, d]``."""
        heads = x.unflatten(-1, (-1, self.head_dim))
        if self.weight is None:
            return heads
        if self.per_head:
            return nn.functional.layer_norm(heads, (self.head_dim,), self.weight, self.bias)
        return nn.functional.layer_norm(x, x.shape[-1:], self.weight, self.bias).unflatten(-1, (-1, self.head_dim))


def attend(q: Tensor, k: Tensor, v: Tensor, pairs: Pairs | None, mask: Tensor | None = None) -> Tensor:
    """Self-attention of ``q [B, L, H, d]`` to ``k`` and ``v [B, M, H_kv, d]``.

    Tokens attend within their segments if ``pairs`` is set, and otherwise to all keys where ``mask [B, M]`` is True.
    """
    if pairs is not None:
        return attend_segments(q, k, v, pairs)
    return _sdpa(q, k, v, None if mask is None else mask[:, None, None, :])


def attend_text(q: Tensor, k: Tensor, v: Tensor, text: Text) -> Tensor:
    """Cross-attention of ``q [B, L, H, d]`` to the ``k`` and ``v [B, S, H_kv, d]`` of ``text``.

    The result is zero for a text without tokens.
    """
    if text.pairs is not None:
        return attend_segments(q, k, v, text.pairs)
    across = _sdpa(q, k, v, None if text.mask is None else text.mask[:, None, None, :])
    return across if text.empty is None else across.masked_fill(text.empty, 0)


def _sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return sdpa(q, k, v, mask).transpose(1, 2)
