"""``lumina sample``: a model in, samples out."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from lumina.checkpoints.pretrained import build_module, load_pretrained
from lumina.config.device import choose_device
from lumina.config.parser import ShortErrorParser
from lumina.files.folders import free_folder, require_free
from lumina.generation.description import describe
from lumina.generation.drawing import Drawing
from lumina.generation.how import How
from lumina.generation.options import parsed
from lumina.generation.requests import Request
from lumina.generation.what import What
from lumina.generation.wishes import Wishes
from lumina.metrics.not_finite import NotFinite
from lumina.module import LuminaModule
from lumina.objectives.generative import Generative
from lumina.reports.sample_folder import SampleFolder
from lumina.weights.source import Weights, read_weights

Dtype = Literal["float32", "bfloat16"]


def main(arguments: list[str]) -> None:
    """Parses the options, those of the model among them, and samples."""
    named = model_of(arguments)
    read = None if named is None else read_weights(*named)
    module = None if read is None else build_module(read)  # which reads no numbers yet: they are mapped
    parser = ShortErrorParser(prog="lumina sample", description="Draws samples.")
    parser.add_function_arguments(sample, as_positional=False, skip={"module", "read", "what", "how"})
    what, how, options = parsed(parser, arguments, None if module is None else Wishes.of(module))
    if module is None or read is None:
        raise ValueError("give a model to draw with: --weights or --ckpt_path.")
    sample(module, read, what, how, **options)


def model_of(arguments: Sequence[str]) -> tuple[str, str | None] | None:
    """The model that the options name, and its base; None where they name none. Its own options are not known yet."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in ("--weights", "--ckpt_path", "--base"):
        parser.add_argument(option, nargs="?")
    known, _ = parser.parse_known_args(arguments)
    if known.weights is not None and known.ckpt_path is not None:
        raise ValueError("--weights and --ckpt_path both name a model to draw with: give one of them.")
    source = known.weights or known.ckpt_path
    return None if source is None else (source, known.base)


def sample(
    module: LuminaModule,
    read: Weights,
    what: What,
    how: How,
    weights: str | None = None,
    ckpt_path: Path | None = None,
    base: str | None = None,
    output: Path | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Draws samples; the same options and seed give the same samples, in batches of any size.

    Args:
        module: the model.
        read: the weights that it was built from.
        what: what to draw.
        how: how to draw it.
        weights: name of a bundled model; or a checkpoint or a run of `lumina fit`, or a folder of published weights
            (diffusers' or the authors').
        ckpt_path: a checkpoint file, or the folder of a run (its newest checkpoint is taken).
        base: of a run with adapters, where the weights are now that it started from; None = where they were.
        output: a new or empty folder for the files; index.html shows them, settings.json says how they were made.
            None = the first of samples, samples_1, samples_2, ... that is free.
        batch_size: samples drawn at once; None = as many as have 16,384 tokens together.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...
        dtype: precision of the network.

    Raises:
        ValueError: for options that the model cannot follow; and in the end, for samples that hold NaN or infinity.
    """
    folder = free_folder("samples") if output is None else require_free(output)
    drawing, requests = _prepare(module, what, how, batch_size, device, dtype)
    named: dict[str, Any] = {"weights": str(weights or ckpt_path)}
    named |= {} if read.step is None else {"checkpoint": str(read.origin), "step": read.step}
    settings = {**named, "dtype": dtype, **drawing.described()}
    files = SampleFolder(folder, module.modality, [describe(module, request) for request in requests], settings)
    for part, samples in drawing.run(requests):
        files.add(part.places, samples, part.fields)
    page, count = files.finish(), len(files.files)
    print(f"{count} {'sample' if count == 1 else 'samples'} in {folder}; open {page}")
    if files.strange.names:
        raise ValueError(files.strange.message("are not written"))


def draw(
    weights: str | Path,
    what: What | None = None,
    how: How | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
) -> list[Any]:
    """`lumina sample` from Python, without files.

    Args:
        weights: as for `lumina sample`; a run's folder or a checkpoint too.
        what: what to draw; None = 16 samples of whatever the model draws without being told.
        how: how to draw it; None = as the experiment has it.
        batch_size: samples drawn at once; None = as many as have 16,384 tokens together.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...
        dtype: precision of the network.

    Returns:
        The samples in the order of the requests, as the model's modality decodes them: a picture is ``[C, H, W]`` in
        [-1, 1], a cloud ``[P, 3]``.

    Raises:
        ValueError: for options that the model cannot follow, and for samples that hold NaN or infinity.
    """
    module = load_pretrained(weights)
    drawing, requests = _prepare(module, what or What(), how or How(), batch_size, device, dtype)
    drawn: dict[int, Any] = {}
    for part, samples in drawing.run(requests):
        drawn.update(zip(part.places, samples, strict=True))
    samples, strange = [drawn[place] for place in range(len(requests))], NotFinite()
    strange.sift(samples)
    if strange.names:
        raise ValueError(strange.message("are no result"))
    return samples


def _prepare(
    module: LuminaModule, what: What, how: How, batch_size: int | None, device: str, dtype: Dtype
) -> tuple[Drawing, list[Request]]:
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size={batch_size} must be at least 1.")
    if not isinstance(module.objective, Generative):
        raise ValueError(f"this model's objective is {type(module.objective).__name__}, which does not sample.")
    requests = what.requests(module)
    module.to(choose_device(device))
    sampler = how.sampler(module.objective.sampler, module.modality)
    module.conditioners.require(sampler.tells_apart)
    if sampler.guidance is None and any(request.only(Wishes.of(module).avoided) for request in requests):
        raise ValueError("a negative prompt acts through guidance, which is off: give --guidance, 4 say.")
    drawing = Drawing(
        module=module,
        sampler=sampler,
        inference=how.inference(module),
        batch_size=batch_size,
        dtype=getattr(torch, dtype),
        grid=what.grid,
    )
    return drawing, requests
