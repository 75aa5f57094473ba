"""Clocks, interleaved rounds and the machine's peak."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from torch.nn.functional import linear

PEAK_SIDE = {"cpu": 2048, "cuda": 8192}
PEAK_CALLS = 5
LEAST_ROUNDS, MOST_ROUNDS, ENOUGH_SECONDS = 3, 30, 8.0


def milliseconds(step: Callable[[], object], device: torch.device) -> float:
    """Duration of one call, measured by CUDA events on a GPU and by the wall clock on a CPU."""
    if device.type != "cuda":
        start = time.perf_counter()
        step()
        return 1000 * (time.perf_counter() - start)
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    before.record()
    step()
    after.record()
    torch.cuda.synchronize()
    return float(before.elapsed_time(after))


def interleave(steps: Mapping[str, Callable[[], object]], device: torch.device) -> dict[str, list[float]]:
    """Milliseconds of each step in each round.

    Each round runs all steps once and starts with a different one. A machine that slows down affects all of them, so
    ratios within a round stay valid. Rounds continue until enough seconds have passed.
    """
    names = list(steps)
    samples: dict[str, list[float]] = {name: [] for name in names}
    start = time.perf_counter()
    for index in range(MOST_ROUNDS):
        if index >= LEAST_ROUNDS and time.perf_counter() - start > ENOUGH_SECONDS:
            break
        shift = index % len(names)
        for name in names[shift:] + names[:shift]:
            samples[name].append(milliseconds(steps[name], device))
    return samples


def peak_gflops(device: torch.device, dtype: torch.dtype) -> float:
    """GFLOP/s of the best of a few square ``F.linear`` calls (TF32 stays off)."""
    side = PEAK_SIDE[device.type]
    x, weight = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = min(milliseconds(lambda: linear(x, weight), device) for _ in range(PEAK_CALLS))
    return 2 * side**3 / best / 1e6
