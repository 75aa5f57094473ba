"""``lumina sample``: a checkpoint in, samples out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import lumina.sampling.schedules  # the classes that --solver and --schedule choose from by name
import lumina.sampling.solvers  # noqa: F401
from lumina.backbone.rope import Rule
from lumina.batches import move
from lumina.checkpoints.module import load_module
from lumina.conditioning.label import LabelConditioner
from lumina.interfaces import Inference, Solver, TimeSchedule
from lumina.module import LuminaModule
from lumina.objectives.generative import Generative
from lumina.parser import parse_function
from lumina.pictures import save_picture
from lumina.randomness import keyed_generator
from lumina.sampling.guidance import ClassifierFree
from lumina.sampling.sampler import Sampler


def main(arguments: list[str]) -> None:
    """Parses the options and samples."""
    sample(**parse_function(sample, "lumina sample", arguments))


def sample(
    ckpt_path: Path,
    label: list[int] | None = None,
    count: int | None = None,
    size: tuple[int, int] | None = None,
    steps: int | None = None,
    solver: Solver | None = None,
    schedule: TimeSchedule | None = None,
    guidance: float | None = None,
    rope: Rule = "none",
    proportional_attention: bool = False,
    seed: int = 0,
    batch_size: int = 64,
    output: Path = Path("samples"),
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
) -> None:
    """Draws samples from a checkpoint's averaged weights; the same seed and options give the same samples.

    What is not given stays as the experiment has it.

    Args:
        ckpt_path: a checkpoint file, or the folder of a run (its newest checkpoint is taken).
        label: classes to draw, one or several; each in turn until there are ``count``. None = all classes in turn.
        count: number of samples; None = one for each label given, else 16.
        size: height and width in pixels; None = the trained size.
        steps: intervals of the solver.
        solver: Euler, Midpoint, Heun, RK3, RK4, Dopri5 or DDIM.
        schedule: Uniform, Rational, Sigmoid, Cosine, Linear or EDM.
        guidance: classifier-free guidance scale; 1 = none.
        rope: rule for sizes beyond the trained one: none, interpolation, ntk, frequency_aware, time_aware, watershed.
        proportional_attention: scale attention with the logarithm of the number of tokens.
        seed: of the noise.
        batch_size: samples drawn at once.
        output: folder for the files; ``grid.png`` shows all, ``settings.json`` says how they were made.
        device: cpu, cuda, ...
    """
    module = load_module(ckpt_path).to(device)
    if not isinstance(module.objective, Generative):
        raise ValueError(f"this checkpoint's objective is {type(module.objective).__name__}, which does not sample.")
    count = (len(label) if label else 16) if count is None else count
    if min(count, batch_size) < 1:
        raise ValueError(f"count={count} and batch_size={batch_size} must be at least 1.")
    request = {"size": size} if size else {}
    conditions = _conditions(module, label, count)
    sampler = _sampler(module.objective.sampler, steps, solver, schedule, guidance)
    inference = _inference(module, rope, proportional_attention)
    samples: list[Any] = []
    for start in range(0, count, batch_size):
        part = {key: value[start : start + batch_size] for key, value in conditions.items()}
        canvas = module.modality.layout(min(batch_size, count - start), request).to(module.device)
        generator = keyed_generator(seed, start, device=module.device)
        options = {"sampler": sampler, "progress": True}
        samples.extend(module.generate(canvas, move(part, module.device), generator, inference, **options))
    module.modality.save(samples, output)
    grid = save_picture(module.modality.picture(samples), output / "grid.png")
    settings = {
        "ckpt_path": str(ckpt_path),
        "label": label,
        "count": count,
        "size": size,
        "rope": rope,
        "proportional_attention": proportional_attention,
        "seed": seed,
        "batch_size": batch_size,
        **_described(sampler),
    }
    (output / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")
    print(f"{count} samples in {output}, all of them on {grid}")


def _conditions(module: LuminaModule, label: list[int] | None, count: int) -> dict[str, Any]:
    """Fields for every conditioner, each repeated to ``count``."""
    conditions: dict[str, Any] = {}
    for conditioner in module.conditioners:
        given = label if conditioner.key == "label" else None
        if isinstance(conditioner, LabelConditioner) and given is None:
            given = list(range(conditioner.num_classes))
        if given is None:
            raise ValueError(
                f"the model is conditioned on {conditioner.key!r}, for which `lumina sample` has no option yet."
            )
        conditions[conditioner.key] = torch.tensor([given[number % len(given)] for number in range(count)])
    if label is not None and "label" not in conditions:
        raise ValueError("--label was given, but this model was trained without labels.")
    return conditions


def _sampler(
    trained: Sampler, steps: int | None, solver: Solver | None, schedule: TimeSchedule | None, guidance: float | None
) -> Sampler:
    if steps is None and solver is not None and trained.solver.calls_per_step == 0 and solver.calls_per_step > 0:
        raise ValueError(
            "the model's own solver is adaptive, so its number of steps says nothing for another: give --steps."
        )
    scale = trained.guidance if guidance is None else ClassifierFree(guidance) if guidance != 1 else None
    return Sampler(
        schedule or trained.schedule, solver or trained.solver, trained.steps if steps is None else steps, scale
    )


def _inference(module: LuminaModule, rope: str, proportional_attention: bool) -> Inference:
    """Options of the backbone; trained lengths are those of the canvas that the modality lays out by default."""
    positions = module.backbone.config.positions
    if rope != "none" and positions != "rope":
        raise ValueError(f"--rope={rope} applies to backbones with positions=rope, this one has positions={positions}.")
    trained = module.modality.layout(1, {})
    lengths = tuple((trained.positions[0].amax(0) + 1).tolist()) if trained.positions.shape[-1] else None
    base = trained.features.shape[1] if proportional_attention else None
    return Inference(rope_rule=rope, trained_length=lengths, proportional_base=base)


def _described(sampler: Sampler) -> Mapping[str, Any]:
    scale = sampler.guidance.scale if isinstance(sampler.guidance, ClassifierFree) else None
    names = {"solver": type(sampler.solver).__name__, "schedule": type(sampler.schedule).__name__}
    return {**names, "steps": sampler.steps, "guidance": scale}
