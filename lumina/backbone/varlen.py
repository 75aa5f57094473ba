"""Attention within the segments of one packed sequence.

On a GPU in half precision, one variable-length kernel computes all segments (flash-attn if installed, else PyTorch's).
Otherwise each segment is one `scaled_dot_product_attention`, which on a CPU is faster than any block mask.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from lumina.backbone.sdpa import sdpa
from lumina.values import on_device

OLDEST = (8, 0)
"""Minimum compute capability of the kernel (Ampere)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Division of a packed sequence into segments.

    Attributes:
        lengths: number of tokens of each segment.
        offsets: ``[segments + 1]`` int32, start of each segment and end of the last.
    """

    lengths: tuple[int, ...]
    offsets: Tensor

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> Segments:
        """Consecutive segments of the given ``lengths``."""
        return cls(lengths=tuple(lengths), offsets=on_device([0, *accumulate(lengths)], device, torch.int32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Segments of queries and of keys; queries of segment i attend to keys of segment i.

    Attributes:
        queries: segments with N tokens in total.
        keys: segments with M tokens in total; the output for a segment without keys is zero.
        order: ``[N]``, permutation that sorts the queries by segment; None = they are sorted.
    """

    queries: Segments
    keys: Segments
    order: Tensor | None = None


@torch.compiler.disable
def attend_segments(q: Tensor, k: Tensor, v: Tensor, pairs: Pairs) -> Tensor:
    """Segment i of the queries attends to segment i of the keys.

    Args:
        q: ``[B, L, H, d]`` with B * L = N.
        k: ``[1, M, H_kv, d]``.
        v: ``[1, M, H_kv, d]``.
        pairs: the segments.

    Returns:
        ``[B, L, H, d]``.
    """
    packed = q.flatten(0, 1)[None]
    if pairs.order is not None:
        packed = packed[:, pairs.order]
    obstacle = _obstacle(v, pairs.keys) if q.is_cuda else None
    if obstacle is not None:
        _warn(obstacle)
    fused = q.is_cuda and obstacle is None
    out = (_fused if fused else _per_segment)(packed, k, v, pairs.queries, pairs.keys)
    if pairs.order is not None:
        out = torch.empty_like(out).index_copy(1, pairs.order, out)
    return out.reshape(q.shape)


def _obstacle(v: Tensor, keys: Segments) -> str | None:
    """The reason why the variable-length kernel cannot run; None if it can."""
    if v.dtype not in (torch.float16, torch.bfloat16):
        return f"it does not support {v.dtype}; train or sample in bfloat16"
    if torch.cuda.get_device_capability(v.device) < OLDEST:
        return f"it needs a GPU of compute capability {OLDEST[0]}.{OLDEST[1]}"
    return None if min(keys.lengths) else "a batch has a text without tokens"


@cache
def _warn(obstacle: str) -> None:
    """Warns once for each reason."""
    warnings.warn(f"attention runs sample by sample, not in one variable-length kernel: {obstacle}.", stacklevel=3)


def _per_segment(q: Tensor, k: Tensor, v: Tensor, queries: Segments, keys: Segments) -> Tensor:
    heads_first = (x.transpose(1, 2) for x in (q, k, v))
    counts = (queries.lengths, keys.lengths, keys.lengths)
    qs, ks, vs = (x.split(n, 2) for x, n in zip(heads_first, counts, strict=True))
    outputs = [sdpa(a, b, c) if b.shape[2] else torch.zeros_like(a) for a, b, c in zip(qs, ks, vs, strict=True)]
    return torch.cat(outputs, 2).transpose(1, 2)


def _fused(q: Tensor, k: Tensor, v: Tensor, queries: Segments, keys: Segments) -> Tensor:
    q, k = q.to(v.dtype), k.to(v.dtype)
    arguments = queries.offsets, keys.offsets, max(queries.lengths), max(keys.lengths)
    flash = _flash_attn()
    if flash is not None:
        return flash(q[0], k[0], v[0], *arguments)[None]
    from torch.nn.attention.varlen import varlen_attn

    repeat = q.shape[2] // k.shape[2]
    k, v = (x if repeat == 1 else x.repeat_interleave(repeat, 2) for x in (k, v))
    return torch.as_tensor(varlen_attn(q[0], k[0], v[0], *arguments))[None]


@cache
def _flash_attn() -> Any:
    if importlib.util.find_spec("flash_attn") is None:
        return None
    from flash_attn import flash_attn_varlen_func

    return flash_attn_varlen_func
