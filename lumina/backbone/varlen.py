"""Attention inside the segments of one packed sequence.

On a GPU in half precision one variable-length kernel does all segments (flash-attn where it is installed, else
PyTorch's own); elsewhere one `scaled_dot_product_attention` a segment, which on a CPU is faster than any block mask.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


@torch.compiler.disable
def attend_segments(q: Tensor, k: Tensor, v: Tensor, q_lengths: tuple[int, ...], k_lengths: tuple[int, ...]) -> Tensor:
    """Segment i of the queries attends to segment i of the keys.

    Args:
        q: ``[1, N, H, d]``.
        k: ``[1, M, H_kv, d]``.
        v: ``[1, M, H_kv, d]``.
        q_lengths: tokens of each query segment; they add up to N.
        k_lengths: tokens of each key segment; they add up to M. A segment without keys gives zero.

    Returns:
        ``[1, N, H, d]``.
    """
    if q.is_cuda and v.dtype in (torch.float16, torch.bfloat16) and min(k_lengths) > 0:
        return _fused(q, k, v, q_lengths, k_lengths)
    return _per_segment(q, k, v, q_lengths, k_lengths)


def _per_segment(q: Tensor, k: Tensor, v: Tensor, q_lengths: tuple[int, ...], k_lengths: tuple[int, ...]) -> Tensor:
    gqa = q.shape[2] != k.shape[2]
    heads_first = (x.transpose(1, 2) for x in (q, k, v))
    qs, ks, vs = (x.split(n, 2) for x, n in zip(heads_first, (q_lengths, k_lengths, k_lengths), strict=True))
    outputs = [
        scaled_dot_product_attention(a, b, c, enable_gqa=gqa) if b.shape[2] else torch.zeros_like(a)
        for a, b, c in zip(qs, ks, vs, strict=True)
    ]
    return torch.cat(outputs, 2).transpose(1, 2)


def _fused(q: Tensor, k: Tensor, v: Tensor, q_lengths: tuple[int, ...], k_lengths: tuple[int, ...]) -> Tensor:
    offsets = [torch.tensor([0, *accumulate(n)], device=q.device, dtype=torch.int32) for n in (q_lengths, k_lengths)]
    q, k = q.to(v.dtype), k.to(v.dtype)
    longest = max(q_lengths), max(k_lengths)
    flash = _flash_attn()
    if flash is not None:
        return flash(q[0], k[0], v[0], *offsets, *longest)[None]
    from torch.nn.attention.varlen import varlen_attn

    repeat = q.shape[2] // k.shape[2]
    k, v = (x if repeat == 1 else x.repeat_interleave(repeat, 2) for x in (k, v))
    output = varlen_attn(q[0], k[0], v[0], offsets[0], offsets[1], longest[0], longest[1])
    return torch.as_tensor(output)[None]


@cache
def _flash_attn() -> Any:
    if importlib.util.find_spec("flash_attn") is None:
        return None
    from flash_attn import flash_attn_varlen_func

    return flash_attn_varlen_func
