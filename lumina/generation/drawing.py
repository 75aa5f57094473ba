"""Draws what is asked for, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from typing import Any

import torch
from torch import Tensor

from lumina.data.batches import move
from lumina.generation.conditions import conditions
from lumina.generation.requests import Request
from lumina.generation.start import Start
from lumina.module import LuminaModule
from lumina.randomness import Purpose, keyed_generator
from lumina.sampling.known import Known
from lumina.sampling.sampler import Sampler
from lumina.values import Inference, Tokens

TOKENS_AT_ONCE = 16_384


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
        start: a picture to start from, if any.
    """

    module: LuminaModule
    sampler: Sampler
    inference: Inference
    batch_size: int | None
    dtype: torch.dtype
    grid: tuple[int, int] | None
    start: Start

    def run(self, requests: Sequence[Request]) -> Iterator[tuple[list[int], list[Any]]]:
        """Samples and their places among the requests; those on like canvases go together."""
        kinds = {tuple(request.canvas.items()): request for request in requests}
        for one in kinds.values():
            places = [place for place, request in enumerate(requests) if request.canvas == one.canvas]
            fitted = self.start.fit(self.module.modality, one.size, self.module.device)
            length = self.module.modality.layout(1, one.canvas).features.shape[1]
            step = self.batch_size or max(1, TOKENS_AT_ONCE // length)
            for first in range(0, len(places), step):
                chosen = places[first : first + step]
                known = None if fitted is None else fitted.known
                with _memory(one, len(chosen)):
                    samples = self._draw([requests[place] for place in chosen], known)
                yield chosen, samples if fitted is None else fitted.restore(samples)

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

    @torch.no_grad()
    def _draw(self, requests: Sequence[Request], known: Known | None) -> list[Any]:
        module, device = self.module, self.module.device
        canvas = module.modality.layout(len(requests), requests[0].canvas)
        canvas, noise = canvas.to(device), noise_of(requests, canvas).to(device)
        options = {"sampler": self.sampler, "noise": noise, "progress": True, "known": known}
        with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
            cond, null = conditions(module, requests, canvas, self.grid)
            unused = torch.Generator()  # the noise is given
            drawn = module.objective.outputs(module.backbone, canvas, cond, null, unused, self.inference, **options)
            samples = module.modality.decode(drawn, {})
        return [move(sample, torch.device("cpu")) for sample in samples]


def noise_of(requests: Sequence[Request], canvas: Tokens) -> Tensor:
    """``[B, L, F]``, each sample's own from its seed: the same in any batch and on any device."""
    shape = canvas.features.shape[1:]
    return torch.stack(
        [torch.randn(shape, generator=keyed_generator(Purpose.SAMPLE, request.seed or 0)) for request in requests]
    )


@contextmanager
def _memory(request: Request, count: int) -> Iterator[None]:
    """Tells in a sentence when memory runs out."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        asked = {name: value for name, value in request.described().items() if name in request.canvas}
        named = ", ".join(f"{name} {value}" for name, value in asked.items()) or "the trained size"
        fewer = "ask for fewer --points" if request.points else "ask for a smaller --size"
        advice = "lower --batch_size" if count > 1 else fewer
        raise ValueError(f"{count} samples at once of {named} do not fit into memory: {advice}.") from error


def _spelt(part: Any) -> str:
    """In the form ``Rational(sigma=3.0)``."""
    if is_dataclass(part) or not hasattr(part, "__dict__"):
        return repr(part)
    options = {name: value for name, value in vars(part).items() if name != "calls_per_step"}
    return f"{type(part).__name__}({', '.join(f'{name}={_spelt(value)}' for name, value in options.items())})"
