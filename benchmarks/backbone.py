"""The backbone against diffusers' ``LuminaNextDiT2DModel``: same weights, same inputs, one run.

``python -m benchmarks.backbone [--device cpu|cuda] [--quick] [--output FILE.json]``
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch._dynamo
from torch import Tensor

from benchmarks.cases import FULL, QUICK, TEXT_TOKENS, Case, Inputs, Suite, inputs_of
from benchmarks.flops import TRAINING, forward_flops
from benchmarks.memory import training_peak
from benchmarks.report import PEER, machine, markdown, summary
from benchmarks.timing import interleave, milliseconds, peak_gflops
from benchmarks.variants import NAMES, Variant, load_variant, save_weights

PRECISIONS = {"cpu": {"fp32": torch.float32}, "cuda": {"fp32": torch.float32, "bf16": torch.bfloat16}}
TOLERANCE = {"fp32": 1e-4, "bf16": 5e-2}  # greatest difference over greatest value
GPU_ROUNDS = 30


class Benchmark:
    """One run over a suite of cases."""

    def __init__(self, suite: Suite, device: torch.device) -> None:
        """Nothing measured yet.

        Args:
            suite: cases and backbone.
            device: where to run.
        """
        self.suite, self.device = suite, device
        self.peaks: dict[str, float] = {}
        self.timings: list[dict[str, Any]] = []
        self.memory: list[dict[str, Any]] = []
        self.start = time.perf_counter()

    def run(self) -> dict[str, Any]:
        """All cases, as a JSON document."""
        described = machine(self.device)
        # batches of one sample, of several and packed ones, with and without gradients, each get code of their own
        torch._dynamo.config.recompile_limit = 32
        torch._dynamo.config.fail_on_recompile_limit_hit = True  # or "compiled" could quietly mean eager
        with TemporaryDirectory() as folder:
            for kv_heads in dict.fromkeys(case.kv_heads for case in self.suite.cases):
                weights = Path(folder, str(kv_heads))
                save_weights(self.suite.config(kv_heads), weights)
                for precision in PRECISIONS[self.device.type]:
                    self._cases([case for case in self.suite.cases if case.kv_heads == kv_heads], weights, precision)
        for timing in self.timings:
            timing["variants"] = summary(timing.pop("samples"), timing["gflop"], self.peaks[timing["precision"]])
        return {
            "machine": described,
            "peak_gflops": self.peaks,
            "seconds": round(time.perf_counter() - self.start),
            "timings": self.timings,
            "memory": self.memory,
        }

    def _cases(self, cases: list[Case], weights: Path, precision: str) -> None:
        torch.compiler.reset()
        variants = {name: load_variant(name, weights, self.device) for name in NAMES}
        for case in cases:
            inputs = inputs_of(case.sizes, self.device)
            for mode in case.modes:
                if mode == "memory":
                    self._remember(case, weights, precision)
                else:
                    self._measure_peak(precision)
                    with torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16"):
                        self._time(case, mode, precision, variants, inputs)

    def _time(self, case: Case, mode: str, precision: str, variants: Mapping[str, Variant], inputs: Inputs) -> None:
        self._say(f"{case.name}, {case.kv_heads} kv heads, {mode}, {precision}")
        first, differences = _check(variants, inputs, mode, TOLERANCE[precision], self.device)
        steps = {name: partial(v.train if mode == "training" else v.forward, inputs) for name, v in variants.items()}
        samples = interleave(steps, case.rounds if self.device.type == "cpu" else GPU_ROUNDS, self.device)
        flops = forward_flops(self.suite.config(case.kv_heads), case.lengths, TEXT_TOKENS)
        self.timings.append(
            {
                "case": case.name,
                "kv_heads": case.kv_heads,
                "mode": mode,
                "precision": precision,
                "gflop": flops * (TRAINING if mode == "training" else 1) / 1e9,
                "first_call_ms": first,
                "difference": differences,
                "samples": samples,
            }
        )

    def _remember(self, case: Case, weights: Path, precision: str) -> None:
        self._say(f"{case.name}, {case.kv_heads} kv heads, memory of a training step, {precision}")
        peaks = {name: training_peak(name, weights, case.sizes, self.device.type, precision) for name in NAMES}
        self.memory.append({"case": case.name, "kv_heads": case.kv_heads, "precision": precision, "peak_mib": peaks})

    def _measure_peak(self, precision: str) -> None:
        measured = peak_gflops(self.device, PRECISIONS[self.device.type][precision])
        self.peaks[precision] = max(self.peaks.get(precision, 0.0), measured)

    def _say(self, what: str) -> None:
        print(f"[{time.perf_counter() - self.start:5.0f} s] {what}", flush=True)


def _check(
    variants: Mapping[str, Variant], inputs: Inputs, mode: str, tolerance: float, device: torch.device
) -> tuple[dict[str, float], dict[str, float]]:
    """Runs each variant once; milliseconds of that (compilation is in it) and differences from the peer.

    Raises:
        ValueError: where a variant does not agree with the peer: it would be another computation that is timed.
    """
    found: dict[str, Tensor] = {}
    first = {
        name: milliseconds(lambda name=name: found.update({name: _outcome(variants[name], inputs, mode)}), device)
        for name in variants
    }
    differences = {name: difference(found[name], found[PEER]) for name in variants if name != PEER}
    for name, value in differences.items():
        if not value <= tolerance:
            raise ValueError(
                f"{name} differs from {PEER} by {value:.1e} in {mode}, more than {tolerance:.0e}: not timed."
            )
    return first, differences


def _outcome(variant: Variant, inputs: Inputs, mode: str) -> Tensor:
    """Outputs of a forward pass, or the gradient at the input embedding of a training step."""
    if mode == "forward":
        return variant.as_tokens(variant.forward(inputs))
    variant.train(inputs)
    gradient = variant.first.weight.grad
    if gradient is None:
        raise RuntimeError("the training step left no gradient at the input embedding.")
    return gradient.clone()


def difference(x: Tensor, reference: Tensor) -> float:
    """Greatest difference over the reference's greatest value."""
    return float((x.double() - reference.double()).abs().max() / reference.double().abs().max())


def main() -> None:
    """Parses the command line, runs, prints the tables and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.backbone", description="The backbone against diffusers'.")
    parser.add_argument("--device", choices=PRECISIONS, default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--quick", action="store_true", help="toy sizes, to see that everything runs")
    parser.add_argument(
        "--output", type=Path, help="default: benchmarks/results/backbone_DEVICE.json, nothing if --quick"
    )
    options = parser.parse_args()
    torch.manual_seed(0)
    result = Benchmark(QUICK if options.quick else FULL, torch.device(options.device)).run()
    print(f"\n{markdown(result)}")
    output = options.output
    if output is None and not options.quick:
        output = Path(__file__).parent / f"results/backbone_{options.device}.json"
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=1) + "\n")
        print(f"\n{output}")


if __name__ == "__main__":
    main()
