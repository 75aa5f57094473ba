"""The cost of one evaluation of a backbone, in operations and in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter
from typing import TypeVar

import torch

from lumina.backbone import NextDiT
from lumina.values import Conditioning, ContextDrop, Inference, StepCache, Tokens

K = TypeVar("K")
Shape = Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of one evaluation for one picture.

    Attributes:
        size: side of the picture in pixels.
        tokens: L.
        context_drop: whether keys and values are averaged.
        t: flow time; None without context drop, when the cost does not depend on it.
        milliseconds: median time.
        attention_gflop: multiplications and additions of attention scores and weighted sums.
        linear_gflop: multiplications and additions of all other matrix products.
    """

    size: int
    tokens: int
    context_drop: bool
    t: float | None
    milliseconds: float
    attention_gflop: float
    linear_gflop: float


@torch.no_grad()
def costs(
    backbone: NextDiT,
    tokens: Tokens,
    cond: Conditioning,
    drop: ContextDrop,
    times: Sequence[float],
    rounds: int,
    size: int,
) -> list[Cost]:
    """Measures an evaluation without context drop, and one with context drop at each of ``times``.

    Values that sampling computes once (`lumina.values.StepCache`) are computed before the measurement.

    Args:
        backbone: the network.
        tokens: one picture.
        cond: its conditions.
        drop: options of context drop.
        times: flow times.
        rounds: evaluations of each variant.
        size: side of the picture in pixels.
    """
    calls: dict[float | None, Callable[[], object]] = {}
    for t in (None, *times):
        inference = Inference(context_drop=None if t is None else drop, cache=StepCache())
        when = tokens.features.new_full((1,), 0.5 if t is None else t, dtype=torch.float32)
        calls[t] = partial(backbone.predict, tokens, when, cond, inference)
        calls[t]()
    counts = {t: operations(call) for t, call in calls.items()}
    return [
        Cost(
            size=size,
            tokens=tokens.features.shape[1],
            context_drop=t is not None,
            t=t,
            milliseconds=milliseconds,
            attention_gflop=counts[t][0] / 1e9,
            linear_gflop=counts[t][1] / 1e9,
        )
        for t, milliseconds in medians(calls, rounds, tokens.features.device).items()
    ]


def operations(call: Callable[[], object]) -> tuple[int, int]:
    """Multiplications and additions of attention and, separately, of all other matrix products."""
    from torch.utils.flop_counter import FlopCounterMode

    names = ("flash_attention", "flash_attention_for_cpu", "efficient_attention", "cudnn_attention")
    fused = [getattr(torch.ops.aten, f"_scaled_dot_product_{name}") for name in names]
    with FlopCounterMode(display=False, custom_mapping=dict.fromkeys(fused, _attention_operations)) as counter:
        call()
    by_kind = counter.get_flop_counts().get("Global", {})
    attention = sum(count for kind, count in by_kind.items() if kind in fused or kind is torch.ops.aten.bmm)
    return attention, sum(by_kind.values()) - attention


def medians(calls: Mapping[K, Callable[[], object]], rounds: int, device: torch.device) -> dict[K, float]:
    """Median milliseconds of each call. Every round runs each call once, starting with a different one."""
    names = list(calls)
    samples: dict[K, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            _wait(device)
            start = perf_counter()
            calls[name]()
            _wait(device)
            samples[name].append(1000 * (perf_counter() - start))
    return {name: median(values) for name, values in samples.items()}


def _attention_operations(q: Shape, k: Shape, *others: object, **named: object) -> int:
    """``4 B H L d M`` operations for scores and weighted sums; q is ``[B, H, L, d]``, k ``[B, H_kv, M, d]``."""
    return 4 * math.prod(q) * k[2]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
