"""The backbone against diffusers' ``LuminaNextDiT2DModel``: same weights, same inputs, one run.

``python -m benchmarks.backbone [--device cpu|cuda] [--quick] [--output FILE.json]``
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.cases import FULL, QUICK, TEXT_TOKENS, Case, Inputs, Suite, inputs_of
from benchmarks.flops import TRAINING, forward_flops
from benchmarks.memory import training_peak
from benchmarks.report import PEER, machine, markdown, save, summary
from benchmarks.timing import interleave, peak_gflops
from benchmarks.variants import NAMES, Precision, Variant, load_variant, save_weights

PRECISIONS: dict[str, dict[Precision, torch.dtype]] = {
    "cpu": {"fp32": torch.float32},
    "cuda": {"fp32": torch.float32, "bf16": torch.bfloat16},
}
TOLERANCE: dict[Precision, float] = {"fp32": 1e-4, "bf16": 5e-2}
"""Of `difference`; in single precision it proves the weights copied, in half precision it catches what is broken."""


class Benchmark:
    """Runs the benchmark over a suite of cases.

    Args:
        suite: cases and backbone.
        device: where to run.
    """

    def __init__(self, suite: Suite, device: torch.device) -> None:
        self.suite, self.device = suite, device
        self.peaks: dict[Precision, float] = {}
        self.timings: list[dict[str, Any]] = []
        self.memory: list[dict[str, Any]] = []
        self.start = time.perf_counter()

    def run(self) -> dict[str, Any]:
        """Measures all cases; returns a JSON document."""
        described = machine(self.device)
        with TemporaryDirectory() as folder:
            for kv_heads in dict.fromkeys(case.kv_heads for case in self.suite.cases):
                weights = Path(folder, str(kv_heads))
                save_weights(self.suite.config(kv_heads), weights)
                for precision in PRECISIONS[self.device.type]:
                    self._cases([case for case in self.suite.cases if case.kv_heads == kv_heads], weights, precision)
        for timing in self.timings:
            timing["variants"] = summary(timing.pop("samples"), timing["gflop"], self.peaks[timing["precision"]])
        self._say("done")
        return {"machine": described, "peak_gflops": self.peaks, "timings": self.timings, "memory": self.memory}

    def _cases(self, cases: list[Case], weights: Path, precision: Precision) -> None:
        torch.compiler.reset()
        variants = {name: load_variant(name, weights, self.device, precision) for name in NAMES}
        for case in cases:
            for mode in case.modes:
                self._say(f"{case.name}, {case.kv_heads} kv heads, {mode}, {precision}")
                if mode == "memory":
                    self._remember(case, weights, precision)
                else:
                    self._time(case, mode, precision, variants)

    def _time(self, case: Case, mode: str, precision: Precision, variants: Mapping[str, Variant]) -> None:
        peak = peak_gflops(self.device, PRECISIONS[self.device.type][precision])
        self.peaks[precision] = max(self.peaks.get(precision, 0.0), peak)
        inputs = inputs_of(case.sizes, self.device)
        first, differences = check(variants, inputs, mode, TOLERANCE[precision])
        calls = {name: partial(v.train if mode == "training" else v.forward, inputs) for name, v in variants.items()}
        flops = forward_flops(self.suite.config(case.kv_heads), case.lengths, TEXT_TOKENS)
        self.timings.append(
            {
                "case": case.name,
                "kv_heads": case.kv_heads,
                "mode": mode,
                "precision": precision,
                "gflop": flops * (TRAINING if mode == "training" else 1) / 1e9,
                "difference": differences,
                "first_call_ms": first,
                "samples": interleave(calls, self.device),
            }
        )

    def _remember(self, case: Case, weights: Path, precision: Precision) -> None:
        peaks = {name: training_peak(name, weights, case.sizes, self.device, precision) for name in NAMES}
        self.memory.append({"case": case.name, "kv_heads": case.kv_heads, "precision": precision, "peak_mib": peaks})

    def _say(self, what: str) -> None:
        print(f"[{time.perf_counter() - self.start:4.0f} s] {what}", flush=True)


def check(
    variants: Mapping[str, Variant], inputs: Inputs, mode: str, tolerance: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Runs each variant once and compares what comes out: outputs, or a gradient in mode "training".

    Returns:
        Milliseconds of each variant's call (compilation among them) and differences from the peer.

    Raises:
        ValueError: where a variant disagrees with the peer: what would be timed is another computation.
    """
    found: dict[str, Tensor] = {}
    first: dict[str, float] = {}
    for name, variant in variants.items():
        start = time.perf_counter()
        out = variant.train(inputs) if mode == "training" else variant.as_tokens(variant.forward(inputs))
        found[name] = out.cpu().double()
        first[name] = 1000 * (time.perf_counter() - start)
    differences = {name: difference(out, found[PEER]) for name, out in found.items() if name != PEER}
    for name, value in differences.items():
        if not value <= tolerance:  # so that NaN does not pass
            raise ValueError(
                f"{name} is {value:.1e} off {PEER} in {mode}; {tolerance:.0e} is allowed, so it is not timed."
            )
    return first, differences


def difference(x: Tensor, reference: Tensor) -> float:
    """Greatest difference over the reference's greatest value."""
    return float((x - reference).abs().max() / reference.abs().max())


def main() -> None:
    """Parses the command line, runs, prints the tables and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.backbone", description="The backbone against diffusers'.")
    parser.add_argument("--device", choices=PRECISIONS, default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--quick", action="store_true", help="toy sizes, to see that everything runs")
    parser.add_argument(
        "--output", type=Path, help="default: benchmarks/results/backbone_DEVICE.json; with --quick none"
    )
    options = parser.parse_args()
    torch.manual_seed(0)
    result = Benchmark(QUICK if options.quick else FULL, torch.device(options.device)).run()
    print(f"\n{markdown(result)}")
    output: Path | None = options.output
    if output is None and not options.quick:
        output = Path(__file__).parent / f"results/backbone_{options.device}.json"
    if output is not None:
        save(result, output)


if __name__ == "__main__":
    main()
