"""A model under analysis and the states on its sampling path."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lumina.checkpoints.pretrained import load_pretrained
from lumina.config.device import choose_device
from lumina.data.batches import move
from lumina.module import LuminaModule
from lumina.objectives.generative import Generative
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Conditioning, Tokens, Velocity

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The inputs of a batch of samples.

    Attributes:
        tokens: the canvas.
        cond: conditions.
        null: null conditions.
        noise: ``[B, L, F]``, the start of the sampling path.
    """

    tokens: Tokens
    cond: Conditioning
    null: Conditioning
    noise: Tensor


class Subject:
    """A generative model with its averaged weights. Its states come from sampling, so it needs no data.

    Args:
        module: the model, in evaluation mode.

    Raises:
        ValueError: its objective does not sample.
    """

    def __init__(self, module: LuminaModule) -> None:
        if not isinstance(module.objective, Generative):
            raise ValueError(f"this model's objective is {type(module.objective).__name__}, which does not sample.")
        self.module, self.objective = module, module.objective

    @classmethod
    def load(cls, source: str, device: str) -> Subject:
        """Loads a model by any name that `load_pretrained` accepts, on ``device``."""
        return cls(load_pretrained(source).to(choose_device(device)))

    def draws(self, count: int, batch_size: int, prompts: Sequence[str] | None = None, seed: int = 0) -> Iterator[Draw]:
        """Yields the inputs of ``count`` samples at the trained size in batches; they depend only on the seed.

        Args:
            count: number of samples.
            batch_size: samples per batch.
            prompts: texts for a model that takes text, used in turn; other conditions are drawn at random.
            seed: of noise and conditions.

        Raises:
            ValueError: the model takes text and there are no prompts, or the other way round.
        """
        device = self.module.device
        for start in range(0, count, batch_size):
            size = min(batch_size, count - start)
            tokens = self.module.modality.layout(size, {}).to(device)
            fields = move(self._fields(start, size, prompts, seed), device)
            generator = keyed_generator(Purpose.SAMPLE, seed, start)
            yield Draw(
                tokens=tokens,
                cond=self.module.conditioners.conditions(fields, size, device),
                null=self.module.conditioners.conditions(fields, size, device, keep=False),
                noise=torch.randn(tokens.features.shape, generator=generator).to(tokens.features),
            )

    def velocity(self, draw: Draw) -> Velocity:
        """The velocity field that the model samples with, including its guidance."""
        guidance = self.objective.sampler.guidance
        return self.objective.velocity_field(self.module.backbone, draw.tokens, draw.cond, draw.null, guidance=guidance)

    @torch.no_grad()
    def states(self, draw: Draw, times: Sequence[float]) -> Iterator[Tensor]:
        """Yields the state ``[B, L, F]`` at each of the increasing ``times`` on the sampling path.

        The path uses the model's solver with uniform steps that are at most as long as those of its sampler.
        """
        (start, _), sampler = self.objective.time_range, self.objective.sampler
        velocity, x = self.velocity(draw), draw.noise
        for before, after in pairwise([start, *self.checked_times(times)]):
            steps = math.ceil((after - before) * sampler.steps)
            for t, t_next in pairwise(torch.linspace(before, after, steps + 1, dtype=torch.float64)):
                x = sampler.solver.step(velocity, x, t, t_next)
            yield x

    def checked_times(self, times: Sequence[float]) -> list[float]:
        """Validates the times and returns them.

        Raises:
            ValueError: they do not increase, or lie outside the objective's time range.
        """
        start, end = self.objective.time_range
        path = [start, *times, end]
        if any(after < before for before, after in pairwise(path)):
            raise ValueError(f"times={list(times)} must increase and lie between {start:g} and {end:g}.")
        return list(times)

    def _fields(self, start: int, count: int, prompts: Sequence[str] | None, seed: int) -> dict[str, Any]:
        texts = [prompts[number % len(prompts)] for number in range(start, start + count)] if prompts else None
        routes = [conditioner.route for conditioner in self.module.conditioners]
        if texts and "cross" not in routes:
            raise ValueError("--prompt was given, but this model takes no text.")
        if not texts and "cross" in routes:
            raise ValueError("this model takes text: set --prompt='[\"a red apple\"]' to one or more texts.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + start)
            asked = {
                conditioner.key: [conditioner.ask(text) for text in texts or ()]
                if conditioner.route == "cross"
                else conditioner.example(count)
                for conditioner in self.module.conditioners
                if not conditioner.of_canvas
            }
            return asked | {**self.module.modality.fields(count, {})}


@contextmanager
def watched(modules: Iterable[nn.Module], look: Callable[[nn.Module, dict[str, Any], Any], T]) -> Iterator[list[T]]:
    """Records every call of the given modules inside the block.

    Args:
        modules: the modules to hook.
        look: maps the module, its arguments by name and its output to the value to record.

    Yields:
        The recorded values in the order of the calls.
    """
    from inspect import signature

    records: list[T] = []

    def hook(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        bound = signature(module.forward).bind(*arguments, **named)
        records.append(look(module, bound.arguments, output))

    with ExitStack() as stack:
        for module in modules:
            stack.callback(module.register_forward_hook(hook, with_kwargs=True).remove)
        yield records
