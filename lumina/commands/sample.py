"""``lumina sample``: a model in, samples out."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch

from lumina.checkpoints.module import load_module
from lumina.checkpoints.pretrained import load_pretrained
from lumina.commands.sampling.draw import Drawing
from lumina.commands.sampling.how import How
from lumina.commands.sampling.output import SampleFolder
from lumina.commands.sampling.start import Start
from lumina.commands.sampling.what import What
from lumina.module import LuminaModule
from lumina.objectives.generative import Generative
from lumina.parser import ShortErrorParser

Part = TypeVar("Part", What, How, Start)
PROMPT = "what to draw, taken literally; give the option several times for several texts"


def main(arguments: list[str]) -> None:
    """Parses the options and samples."""
    parser = ShortErrorParser(prog="lumina sample", description="Draws samples.")
    parser.add_function_arguments(sample, as_positional=False, skip={"what", "how", "start"})
    parser.add_argument("--prompt", action="append", metavar="TEXT", help=PROMPT)
    for part in (What, How, Start):
        parser.add_class_arguments(part, as_positional=False, skip={"prompt"})
    options = vars(parser.instantiate(parser.parse_args(arguments)))
    sample(_part(What, options), _part(How, options), _part(Start, options), **options)


def sample(
    what: What,
    how: How,
    start: Start,
    weights: str | None = None,
    ckpt_path: Path | None = None,
    output: Path = Path("samples"),
    batch_size: int | None = None,
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
    dtype: Literal["float32", "bfloat16"] = "float32",
) -> None:
    """Draws samples; the same options and seed give the same samples, in batches of any size.

    Args:
        what: what to draw.
        how: how to draw it.
        start: what to start from.
        weights: name of a bundled model; or a checkpoint or a run of `lumina fit`, or a folder of published weights
            (diffusers' or the authors').
        ckpt_path: a checkpoint file, or the folder of a run (its newest checkpoint is taken).
        output: folder for the files; index.html shows them, settings.json says how they were made.
        batch_size: samples drawn at once; None = as many as have 16,384 tokens together.
        device: cpu, cuda, ...
        dtype: precision of the network.

    Raises:
        ValueError: for options that the model cannot follow.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size={batch_size} must be at least 1.")
    module = _load(weights, ckpt_path).to(device)
    if not isinstance(module.objective, Generative):
        raise ValueError(f"this model's objective is {type(module.objective).__name__}, which does not sample.")
    requests = what.requests(module)
    sampler = how.sampler(module.objective.sampler, module.modality)
    if sampler.guidance is None and any(request.negative for request in requests):
        raise ValueError("a negative prompt acts through guidance, which is off: give --guidance, 4 say.")
    drawing = Drawing(
        module=module,
        sampler=sampler,
        inference=how.inference(module),
        batch_size=batch_size,
        dtype=getattr(torch, dtype),
        grid=what.grid,
        known=lambda size: start.known(module.modality, size, module.device),
    )
    source = {"weights": str(weights or ckpt_path), "dtype": dtype}
    settings = {**source, **drawing.described(), **start.described()}
    folder = SampleFolder(output, module.modality, requests, settings)
    for places, samples in drawing.run(requests):
        folder.add(places, samples)
    print(f"{len(requests)} samples in {output}, all of them on {folder.finish()}")


def _part(kind: type[Part], options: dict[str, Any]) -> Part:
    return kind(**{field.name: options.pop(field.name) for field in fields(kind)})


def _load(weights: str | None, ckpt_path: Path | None) -> LuminaModule:
    if weights is not None and ckpt_path is None:
        return load_pretrained(weights)
    if ckpt_path is not None and weights is None:
        return load_module(ckpt_path)
    raise ValueError("give either --weights or --ckpt_path: a model to draw with.")
