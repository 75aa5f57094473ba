"""Scaled dot-product attention, by the precision that is fastest on the device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

HALF = (torch.bfloat16, torch.float16)
SHORT = 144
"""Queries up to which float32 is faster at any width of the heads (`benchmarks.cpu_attention`)."""


def sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """PyTorch's attention with grouped queries; short sequences in half precision are trained in float32 on a CPU.

    Args:
        q: ``[B, H, L, d]``.
        k: ``[B, H_kv, M, d]``.
        v: ``[B, H_kv, M, d]``.
        mask: broadcastable to ``[B, H, L, M]``, True = attend; None = attend to all.

    Returns:
        ``[B, H, L, d]``.
    """
    gqa = q.shape[1] != k.shape[1]
    short = v.device.type == "cpu" and v.dtype in HALF and q.shape[2] <= SHORT
    if not short or not torch.is_grad_enabled():
        return scaled_dot_product_attention(q, k, v, mask, enable_gqa=gqa)
    with torch.autocast("cpu", enabled=False):
        return scaled_dot_product_attention(q.float(), k.float(), v.float(), mask, enable_gqa=gqa).type_as(v)
