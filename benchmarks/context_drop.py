"""Variants of Context Drop: quality and time, with the same noise and number of evaluations.

``python -m benchmarks.context_drop [--weights emoji | --random 384x12] [--sizes 64x64 128x128] [--steps 10] ...``

Errors are ``|x - reference| / |reference|`` of the final latents. One reference uses equally many steps without
dropping, the other 100 midpoint steps without dropping; the row "none" shows the error of the solver alone. Random
weights are for timing large sizes; their errors are meaningless.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.cases import CHANNELS, PATCH, Suite
from benchmarks.report import machine, save
from benchmarks.timing import interleave
from benchmarks.variants import save_weights
from lumina.backbone import NextDiT
from lumina.checkpoints import load_diffusers
from lumina.conditioning.label import LabelConditioner, check_count
from lumina.interfaces import Modality
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.objectives.generative import Generative
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Midpoint
from lumina.values import Conditioning, ContextDrop, Inference, Tokens
from modalities.image import Image

PROMPTS = (
    "a red apple",
    "a smiling face",
    "a dog",
    "a rocket",
    "a blue heart",
    "a house with a garden",
    "rain",
    "a cake",
)
TEXT_TOKENS, FINE_STEPS = 64, 100
VARIANTS: dict[str, ContextDrop | None] = {"none": None} | {
    f"{layers}, {'before' if before else 'after'} RoPE": ContextDrop(layers=layers, before_rope=before)
    for layers in ("first", "last", "spread", "all")
    for before in (True, False)
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model to sample from.

    Attributes:
        backbone: the network.
        objective: which samples.
        modality: which lays out canvases.
        conditions: conditions and null conditions of some samples.
        trained: the canvas of one sample at the trained size.
    """

    backbone: NextDiT
    objective: Generative
    modality: Modality
    conditions: Callable[[int], tuple[Conditioning, Conditioning]]
    trained: Tokens

    @classmethod
    def load(cls, weights: str, device: torch.device) -> Case:
        """A trained model, with prompts or classes in turn."""
        from lumina.checkpoints.pretrained import load_pretrained

        module = load_pretrained(weights).to(device)
        if not isinstance(module.objective, Generative):
            raise ValueError(f"{weights} holds a model that does not sample.")
        return cls(
            backbone=module.backbone,
            objective=module.objective,
            modality=module.modality,
            conditions=partial(_conditions, module),
            trained=module.modality.layout(1, {}),
        )

    @classmethod
    def random(cls, shape: tuple[int, int], device: torch.device) -> Case:
        """Random weights of a width and depth, on latents and trained as it were at 32x32, with random text."""
        dim, layers = shape
        config = replace(Suite(dim=dim, layers=layers, cases=()).config(kv_heads=2), text_dim=dim)
        with TemporaryDirectory() as folder:
            save_weights(config, Path(folder))
            backbone = load_diffusers(folder).to(device)

        def conditions(count: int) -> tuple[Conditioning, Conditioning]:
            text, null = (torch.randn(count, size, dim, device=device) for size in (TEXT_TOKENS, 1))
            return Conditioning(cross=text), Conditioning(cross=null)

        modality = Image(size=(32, 32), channels=CHANNELS, patch_size=PATCH)
        return cls(
            backbone=backbone,
            objective=FlowMatching(),
            modality=modality,
            conditions=conditions,
            trained=modality.layout(1, {}),
        )

    def inference(self, canvas: Tokens) -> Inference:
        """At sizes never trained on the time-aware rule; attention proportional to the trained number of tokens."""
        trained = tuple((self.trained.positions[0].amax(0) + 1).tolist())
        rule = "none" if canvas.features.shape[1] == self.trained.features.shape[1] else "time_aware"
        return Inference(rope_rule=rule, trained_length=trained, proportional_base=self.trained.features.shape[1])


def _conditions(module: LuminaModule, count: int) -> tuple[Conditioning, Conditioning]:
    fields: dict[str, Any] = {}
    for conditioner in module.conditioners:
        if isinstance(conditioner, LabelConditioner):
            fields[conditioner.key] = torch.arange(count, device=module.device) % check_count(
                conditioner.num_classes, "LabelConditioner"
            )
        elif conditioner.route == "cross":
            fields[conditioner.key] = [PROMPTS[number % len(PROMPTS)] for number in range(count)]
        else:
            fields[conditioner.key] = conditioner.example(count)
    told = [module.conditioners.conditions(fields, count, module.device, keep) for keep in (True, False)]
    return told[0], told[1]


class Comparison:
    """All variants on one canvas.

    Args:
        subject: the model.
        canvas: the places to fill.
        sampler: of all variants.
        fine: whether there is a fine reference too.
    """

    def __init__(self, subject: Case, canvas: Tokens, sampler: Sampler, fine: bool) -> None:
        self.subject, self.canvas, self.sampler, self.fine = subject, canvas, sampler, fine
        self.cond, self.null = subject.conditions(len(canvas.features))
        shape = canvas.features.shape
        self.noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(canvas.features)

    def run(self) -> dict[str, Any]:
        """Errors and times by variant."""
        device = self.canvas.features.device
        calls = {name: partial(self.draw, drop, self.sampler) for name, drop in VARIANTS.items()}
        found = {name: call() for name, call in calls.items()}
        fine = self.draw(None, Sampler(Uniform(), Midpoint(), FINE_STEPS, self.sampler.guidance)) if self.fine else None
        times = interleave(calls, device)
        evaluations = self.sampler.steps * self.sampler.solver.calls_per_step
        return {
            name: {
                "error": relative(x, found["none"]),
                "error_fine": None if fine is None else relative(x, fine),
                "ms_per_evaluation": median(times[name]) / evaluations,
                "speed_up": median(a / b for a, b in zip(times["none"], times[name], strict=True)),
            }
            for name, x in found.items()
        }

    @torch.no_grad()
    def draw(self, drop: ContextDrop | None, sampler: Sampler) -> Tensor:
        """Latents as tokens ``[B, L, F]``."""
        inference = replace(self.subject.inference(self.canvas), context_drop=drop)
        outputs = self.subject.objective.outputs
        drawn = outputs(
            self.subject.backbone,
            self.canvas,
            self.cond,
            self.null,
            torch.Generator(),
            inference,
            sampler=sampler,
            noise=self.noise,
        )
        return drawn.features


def relative(x: Tensor, reference: Tensor) -> float:
    """``|x - reference| / |reference|``."""
    return float((x.double() - reference.double()).norm() / reference.double().norm())


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """One line a size and variant."""
    lines = ["| size | tokens | variant | error | against fine steps | ms an evaluation | speed-up |", "|---" * 7 + "|"]
    for row in rows:
        for name, found in row["variants"].items():
            fine = "" if found["error_fine"] is None else f"{found['error_fine']:.4f}"
            cells = f"{found['error']:.4f} | {fine} | {found['ms_per_evaluation']:.1f} | {found['speed_up']:.2f}"
            lines.append(f"| {row['size']} | {row['tokens']} | {name} | {cells} |")
    return "\n".join(lines)


def _pair(text: str) -> tuple[int, int]:
    first, second = text.split("x")
    return int(first), int(second)


def main() -> None:
    """Parses the command line, runs, prints the table and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.context_drop", description="Ways of Context Drop, compared.")
    parser.add_argument(
        "--weights", default="emoji", help="a trained model, as `lumina sample` takes it (default: emoji)"
    )
    parser.add_argument("--random", type=_pair, metavar="DIMxLAYERS", help="random weights instead; sizes are latents'")
    parser.add_argument("--sizes", type=_pair, nargs="+", metavar="HxW", help="default: the trained size")
    parser.add_argument("--steps", type=int, default=10, help="of the model's own solver and schedule (default: 10)")
    parser.add_argument("--count", type=int, default=16, help="samples of each size (default: 16)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--output", type=Path, help="a JSON file")
    options = parser.parse_args()
    torch.manual_seed(0)
    device = torch.device(options.device)
    subject = Case.random(options.random, device) if options.random else Case.load(options.weights, device)
    own, rows = subject.objective.sampler, []
    sampler = Sampler(own.schedule, own.solver, options.steps, own.guidance)
    for size in options.sizes or [None]:
        canvas = subject.modality.layout(options.count, {"size": size} if size else {}).to(device)
        name = "x".join(map(str, size)) if size else "trained"
        print(f"{name}: {canvas.features.shape[1]} tokens", flush=True)
        variants = Comparison(subject, canvas, sampler, fine=not options.random).run()
        rows.append({"size": name, "tokens": canvas.features.shape[1], "variants": variants})
    print(f"\n{markdown(rows)}")
    if options.output is not None:
        described = {"weights": options.random or options.weights, "steps": options.steps, "count": options.count}
        result = {"machine": machine(device), **described, "sizes": rows}
        save(result, options.output)


if __name__ == "__main__":
    main()
