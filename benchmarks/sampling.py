"""The sampling loop against diffusers' ``LuminaPipeline``: same weights, same noise, same latents, one run.

``python -m benchmarks.sampling [--device cpu|cuda] [--steps 30] [--quick] [--output FILE.json]``
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.backbone import PRECISIONS, difference
from benchmarks.cases import CHANNELS, Case, Suite
from benchmarks.flops import forward_flops
from benchmarks.report import PEER, machine, markdown, save, summary
from benchmarks.timing import interleave, peak_gflops
from benchmarks.variants import Diffusers, Lumina, Precision, save_weights, tokenize
from lumina.backbone import NextDiTConfig
from lumina.interfaces import Backbone, TimeSchedule
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.guidance import FirstChannels
from lumina.sampling.sampler import Sampler
from lumina.sampling.solvers import Euler
from lumina.values import Conditioning, Inference, Tokens

GUIDANCE, TEXT_TOKENS, VAE_FACTOR = 4.0, 64, 8
TOLERANCE: dict[Precision, float] = {"fp32": 1e-3, "bf16": 3e-1}  # errors of all steps, and guidance enlarges them

FULL = (
    Suite(
        dim=96,
        layers=4,
        cases=tuple(Case(name=f"{n} of 4x16x16, width 96", sizes=((16, 16),) * n, kv_heads=2) for n in (1, 4)),
    ),
    Suite(
        dim=384,
        layers=12,
        cases=(
            *(Case(name=f"{n} of 4x32x32, width 384", sizes=((32, 32),) * n, kv_heads=2) for n in (1, 4)),
            Case(name="1 of 4x64x64, width 384", sizes=((64, 64),), kv_heads=2),
        ),
    ),
)
QUICK = (Suite(dim=48, layers=2, cases=(Case(name="2 of 4x8x8", sizes=((8, 8),) * 2, kv_heads=2),)),)


class Forgetful:
    """A backbone without a cache between evaluations.

    Args:
        backbone: the network.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone, self.features = backbone, backbone.features

    def predict(self, tokens: Tokens, t: Tensor, cond: Conditioning, inference: Inference | None = None) -> Tensor:
        """``[B, L, F]``."""
        return self.backbone.predict(tokens, t, cond, replace(inference or Inference(), cache=None))


class PipelineTimes(TimeSchedule):
    """The steps of diffusers' scheduler, the last of which is a thousandth long."""

    def times(self, steps: int) -> Tensor:
        """``[steps + 1]``."""
        sigmas = torch.linspace(1, 1 / 1000, steps, dtype=torch.float64)
        return 1 - torch.cat((sigmas, sigmas.new_zeros(1)))


class Draws:
    """One case's samplers, by name; each returns latents as tokens ``[B, L, F]``.

    Args:
        case: a batch of squares of one size.
        config: the backbone's.
        steps: of the loop.
        device: where to run.
        precision: "bf16" is autocast.
    """

    def __init__(
        self, case: Case, config: NextDiTConfig, steps: int, device: torch.device, precision: Precision
    ) -> None:
        generator, count = torch.Generator().manual_seed(0), len(case.sizes)
        self.noise = torch.randn(count, CHANNELS, *case.sizes[0], generator=generator).to(device)
        text = torch.randn(2, count, TEXT_TOKENS, config.text_dim or 0, generator=generator).to(device)
        masks = torch.ones(2, count, TEXT_TOKENS, dtype=torch.bool, device=device)
        masks[1, :, 1:] = False
        self.cond, self.null = (Conditioning(cross=x, cross_mask=mask) for x, mask in zip(text, masks, strict=True))
        self.steps, self.device, self.precision = steps, device, precision

    def of(self, folder: Path) -> dict[str, Callable[[], Tensor]]:
        """The competitors with the weights of ``folder``."""
        eager, compiled = (Lumina(folder, self.device, self.precision, compiled=c).model for c in (False, True))
        calls = {
            PEER: self._pipeline(folder),
            "lumina without memory": lambda: self._ours(Forgetful(eager)),
            "lumina": lambda: self._ours(eager),
            "lumina compiled": lambda: self._ours(compiled),
        }
        return {name: self._quietly(call) for name, call in calls.items()}

    def _ours(self, backbone: Backbone) -> Tensor:
        sampler = Sampler(PipelineTimes(), Euler(), self.steps, FirstChannels(GUIDANCE))
        canvas, generator = tokenize(self.noise), torch.Generator()
        outputs = FlowMatching().outputs
        return outputs(
            backbone, canvas, self.cond, self.null, generator, sampler=sampler, noise=canvas.features
        ).features

    def _pipeline(self, folder: Path) -> Callable[[], Tensor]:
        import diffusers

        transformer = Diffusers(folder, self.device, self.precision).model
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
        pipeline: Any = diffusers.LuminaPipeline(transformer, scheduler, vae=None, text_encoder=None, tokenizer=None)
        pipeline.set_progress_bar_config(disable=True)
        height, width = (VAE_FACTOR * side for side in self.noise.shape[2:])
        pipeline.default_image_size = height  # the trained size: positions and attention are not rescaled

        def draw() -> Tensor:
            images = pipeline(
                height=height,
                width=width,
                num_inference_steps=self.steps,
                guidance_scale=GUIDANCE,
                latents=self.noise,
                prompt_embeds=self.cond.cross,
                prompt_attention_mask=self.cond.cross_mask,
                negative_prompt_embeds=self.null.cross,
                negative_prompt_attention_mask=self.null.cross_mask,
                output_type="latent",
            ).images
            return tokenize(images).features

        return draw

    def _quietly(self, call: Callable[[], Tensor]) -> Callable[[], Tensor]:
        def drawn() -> Tensor:
            with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
                return call()

        return drawn


def measure(case: Case, suite: Suite, steps: int, device: torch.device, precision: Precision) -> dict[str, Any]:
    """Measures one case.

    Args:
        case: a batch.
        suite: its backbone.
        steps: of the loop.
        device: where to run.
        precision: "bf16" is autocast.

    Raises:
        ValueError: where a variant's latents are not the peer's.
    """
    config = replace(suite.config(case.kv_heads), text_dim=suite.dim, learn_sigma=True)
    with TemporaryDirectory() as folder:
        save_weights(config, Path(folder))
        calls = Draws(case, config, steps, device, precision).of(Path(folder))
        first, found = {}, {}
        for name, call in calls.items():
            start = time.perf_counter()
            found[name] = call().cpu().double()
            first[name] = 1000 * (time.perf_counter() - start)
        differences = {name: difference(x, found[PEER]) for name, x in found.items() if name != PEER}
        for name, value in differences.items():
            if not value <= TOLERANCE[precision]:  # so that NaN does not pass
                raise ValueError(f"{name}'s latents are {value:.1e} off {PEER}'s, so they are not timed.")
        samples = interleave(calls, device)
    gflop = 2 * steps * forward_flops(config, case.lengths, TEXT_TOKENS) / 1e9
    peak = peak_gflops(device, PRECISIONS[device.type][precision])
    return {
        "case": case.name,
        "kv_heads": case.kv_heads,
        "mode": f"{steps} steps, guidance {GUIDANCE:g}",
        "precision": precision,
        "gflop": gflop,
        "peak_gflops": peak,
        "difference": differences,
        "first_call_ms": first,
        "variants": summary(samples, gflop, peak),
    }


def run(suites: tuple[Suite, ...], steps: int, device: torch.device) -> dict[str, Any]:
    """All cases, as a JSON document."""
    described, timings, start = machine(device), [], time.perf_counter()
    for precision in PRECISIONS[device.type]:
        for suite in suites:
            torch.compiler.reset()
            for case in suite.cases:
                print(f"[{time.perf_counter() - start:4.0f} s] {case.name}, {precision}", flush=True)
                timings.append(measure(case, suite, steps, device, precision))
    peaks = {p: max(row["peak_gflops"] for row in timings if row["precision"] == p) for p in PRECISIONS[device.type]}
    return {"machine": described, "peak_gflops": peaks, "timings": timings, "memory": []}


def main() -> None:
    """Parses the command line, runs, prints the table and writes the JSON document."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.sampling", description="The sampling loop against diffusers'."
    )
    parser.add_argument("--device", choices=PRECISIONS, default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--steps", type=int, default=30, help="of the sampling loop (default: 30)")
    parser.add_argument("--quick", action="store_true", help="toy sizes, to see that everything runs")
    parser.add_argument(
        "--output", type=Path, help="default: benchmarks/results/sampling_DEVICE.json; with --quick none"
    )
    options = parser.parse_args()
    torch.manual_seed(0)
    result = run(QUICK if options.quick else FULL, options.steps, torch.device(options.device))
    print(f"\n{markdown(result)}")
    output: Path | None = options.output
    if output is None and not options.quick:
        output = Path(__file__).parent / f"results/sampling_{options.device}.json"
    if output is not None:
        save(result, output)


if __name__ == "__main__":
    main()
