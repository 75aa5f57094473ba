"""Draws what is asked for, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from typing import Any

import torch
from torch import Tensor

from lumina.data.batches import move
from lumina.generation.conditions import conditions, fields
from lumina.generation.requests import Request
from lumina.generation.wishes import Wishes
from lumina.module import LuminaModule
from lumina.randomness import Purpose, keyed_generator
from lumina.sampling.sampler import Sampler
from lumina.values import Batch, Inference, Start, Tokens

TOKENS_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Samples that are drawn together.

    Attributes:
        places: of their requests among all.
        requests: B of them.
        canvas: of B samples.
        start: what they start from; None = noise.
        fields: what a batch holds beside what is asked for: `Modality.fields`.
    """

    places: list[int]
    requests: Sequence[Request]
    canvas: Tokens
    start: Start | None
    fields: Batch


def parts(module: LuminaModule, requests: Sequence[Request], batch_size: int | None = None) -> Iterator[Part]:
    """The requests by kinds of canvas, each of which is laid out once.

    Args:
        module: the model, on the device that draws.
        requests: completed ones.
        batch_size: samples at once; None = as many as have 16,384 tokens together.
    """
    names = Wishes.of(module).canvas
    kinds: list[tuple[dict[str, Any], list[int]]] = []
    for place, request in enumerate(requests):
        asked = request.only(names)
        alike = next((places for other, places in kinds if other == asked), None)
        if alike is None:
            kinds.append((asked, [place]))
        else:
            alike.append(place)
    for asked, places in kinds:
        canvas = module.modality.layout(1, asked).to(module.device)
        start = module.modality.start(asked, module.device)
        step = batch_size or max(1, TOKENS_AT_ONCE // canvas.features.shape[1])
        for first in range(0, len(places), step):
            chosen = places[first : first + step]
            yield Part(
                places=chosen,
                requests=[requests[place] for place in chosen],
                canvas=canvas.expand(len(chosen)),
                start=start,
                fields=module.modality.fields(len(chosen), asked),
            )


@torch.no_grad()
def draw_part(
    module: LuminaModule,
    part: Part,
    grid: tuple[int, int] | None = None,
    inference: Inference | None = None,
    **options: Any,
) -> list[Any]:
    """Samples of a part, on the CPU, as the modality decodes them.

    Args:
        module: the model.
        part: of `parts`.
        grid: rows and columns of regions with conditions of their own; None = one for all.
        inference: options of the backbone.
        **options: of `lumina.objectives.generative.Generative.outputs`.
    """
    pair = conditions(module, part.requests, part.canvas, grid, part.fields)
    batch = move({**fields(module, part.requests), **part.fields}, module.device)
    options |= {"noise": noise_of(part.requests, part.canvas).to(module.device)}
    options |= {} if part.start is None else {"known": part.start.known}
    samples = module.generate(part.canvas, batch, None, inference, pair, **options)
    if part.start is not None and part.start.restore is not None:
        samples = part.start.restore(samples)
    return [move(sample, torch.device("cpu")) for sample in samples]


def noise_of(requests: Sequence[Request], canvas: Tokens) -> Tensor:
    """``[B, L, F]``, each sample's own from its seed: the same in any batch and on any device."""
    shape = canvas.features.shape[1:]
    return torch.stack(
        [torch.randn(shape, generator=keyed_generator(Purpose.SAMPLE, request.seed or 0)) for request in requests]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What all samples share.

    Attributes:
        module: the model.
        sampler: takes the steps.
        inference: options of the backbone.
        batch_size: samples drawn at once; None = as many as have 16,384 tokens together.
        dtype: precision of the network's matrix products; noise and steps stay float32.
        grid: rows and columns of regions with a prompt each; None = one prompt for all.
    """

    module: LuminaModule
    sampler: Sampler
    inference: Inference
    batch_size: int | None
    dtype: torch.dtype
    grid: tuple[int, int] | None

    def run(self, requests: Sequence[Request]) -> Iterator[tuple[Part, list[Any]]]:
        """Parts of the requests and their samples; those on like canvases go together."""
        precision = torch.autocast(self.module.device.type, self.dtype, enabled=self.dtype != torch.float32)
        for part in parts(self.module, requests, self.batch_size):
            with _memory(self.module, part), precision:
                options = {"sampler": self.sampler, "progress": True}
                samples = draw_part(self.module, part, self.grid, self.inference, **options)
            yield part, samples

    def described(self) -> dict[str, Any]:
        """How samples are drawn, as plain data for files."""
        guidance, drop = self.sampler.guidance, self.inference.context_drop
        return {
            "solver": _spelt(self.sampler.solver),
            "schedule": _spelt(self.sampler.schedule),
            "steps": self.sampler.steps,
            "guidance": None if guidance is None else _spelt(guidance),
            "rope": self.inference.rope_rule,
            "proportional_attention": self.inference.proportional_base is not None,
            "context_drop": None if drop is None else _spelt(drop),
            "compose": None if self.grid is None else f"{self.grid[0]}x{self.grid[1]}",
        }


@contextmanager
def _memory(module: LuminaModule, part: Part) -> Iterator[None]:
    """Tells in a sentence when memory runs out."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        wishes, count = Wishes.of(module).canvas, len(part.requests)
        asked = part.requests[0].only(wishes)
        named = ", ".join(f"{name} {wishes[name].show(value)}" for name, value in asked.items()) or "the trained size"
        fewer = f"ask for a smaller --{next(iter(wishes))}" if wishes else "take a machine with more of it"
        advice = "lower --batch_size" if count > 1 else fewer
        raise ValueError(f"{count} samples at once of {named} do not fit into memory: {advice}.") from error


def _spelt(part: Any) -> str:
    """In the form ``Rational(sigma=3.0)``."""
    if is_dataclass(part) or not hasattr(part, "__dict__"):
        return repr(part)
    options = {name: value for name, value in vars(part).items() if name != "calls_per_step"}
    return f"{type(part).__name__}({', '.join(f'{name}={_spelt(value)}' for name, value in options.items())})"
