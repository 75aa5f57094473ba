"""Training steps of attention on a CPU: PyTorch's in bfloat16, and `lumina.backbone.sdpa`, in float32 if it is short.

``python -m benchmarks.cpu_attention [--output FILE.json]``
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.report import machine, save
from benchmarks.timing import interleave
from lumina.backbone.sdpa import SHORT, sdpa

CPU = torch.device("cpu")
SAMPLES, HEADS = 4, 4
WIDTHS = (32, 64, 128)  # of a head
LENGTHS = (32, 64, SHORT)
CALLS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "bfloat16": scaled_dot_product_attention,
    "lumina": sdpa,
}


def measure(length: int, width: int) -> dict[str, Any]:
    """Milliseconds of a forward and a backward pass, and how much faster lumina's is in the same round."""
    arrays = [torch.randn(SAMPLES, HEADS, length, width, dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]

    def train(attend: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        torch.autograd.grad(attend(*arrays).sum(), arrays)

    steps = {name: partial(train, call) for name, call in CALLS.items()}
    for step in steps.values():
        step()
    samples = interleave(steps, CPU)
    ratios = [theirs / ours for theirs, ours in zip(samples["bfloat16"], samples["lumina"], strict=True)]
    return {
        "tokens": length,
        "head_width": width,
        "ms": {name: median(times) for name, times in samples.items()},
        "speed_up": median(ratios),
        "speed_up_range": [min(ratios), max(ratios)],
    }


def main() -> None:
    """Prints a row for each length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    output = parser.parse_args().output
    rows = []
    for length, width in product(LENGTHS, WIDTHS):
        rows.append(row := measure(length, width))
        named = f"{length:3} tokens, heads of {width:3}"
        print(f"{named}: bfloat16 {row['ms']['bfloat16']:5.1f} ms, lumina {row['speed_up']:.1f} times as fast")
    if output is not None:
        save({"machine": machine(CPU), "rows": rows}, output)


if __name__ == "__main__":
    main()
