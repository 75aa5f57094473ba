"""A model under examination, on the path that it samples along."""

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
    """A batch of samples to be.

    Attributes:
        tokens: the canvas.
        cond: conditions.
        null: null conditions.
        noise: ``[B, L, F]``, where the path starts.
    """

    tokens: Tokens
    cond: Conditioning
    null: Conditioning
    noise: Tensor


class Subject:
    """A generative model with its averaged weights; its states come from sampling, so no data are needed.

    Args:
        module: the model, in evaluation mode.

    Raises:
        ValueError: if its objective does not sample.
    """

    def __init__(self, module: LuminaModule) -> None:
        if not isinstance(module.objective, Generative):
            raise ValueError(f"this model's objective is {type(module.objective).__name__}, which does not sample.")
        self.module, self.objective = module, module.objective

    @classmethod
    def load(cls, source: str, device: str) -> Subject:
        """What `load_pretrained` finds under the name ``source``, on ``device``."""
        return cls(load_pretrained(source).to(choose_device(device)))

    def draws(self, count: int, batch_size: int, prompts: Sequence[str] | None = None, seed: int = 0) -> Iterator[Draw]:
        """``count`` samples at the trained size, batch by batch; they depend on the seed and nothing else.

        Args:
            count: number of samples.
            batch_size: samples in a batch.
            prompts: texts for a model that takes text, each in turn; other conditions are drawn at random.
            seed: of noise and conditions.

        Raises:
            ValueError: for prompts without a model that takes them, or the other way round.
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
        """The velocity that the model samples with, its own guidance included."""
        guidance = self.objective.sampler.guidance
        return self.objective.velocity_field(self.module.backbone, draw.tokens, draw.cond, draw.null, guidance=guidance)

    @torch.no_grad()
    def states(self, draw: Draw, times: Sequence[float]) -> Iterator[Tensor]:
        """``[B, L, F]`` at each of ``times``, rising, on the way from noise to data.

        The path is that of the model's own solver, on uniform steps no longer than its own.
        """
        (start, _), sampler = self.objective.time_range, self.objective.sampler
        velocity, x = self.velocity(draw), draw.noise
        for before, after in pairwise([start, *self.checked_times(times)]):
            steps = math.ceil((after - before) * sampler.steps)
            for t, t_next in pairwise(torch.linspace(before, after, steps + 1, dtype=torch.float64)):
                x = sampler.solver.step(velocity, x, t, t_next)
            yield x

    def checked_times(self, times: Sequence[float]) -> list[float]:
        """The times as they are.

        Raises:
            ValueError: where they do not rise inside the time range of the objective.
        """
        start, end = self.objective.time_range
        path = [start, *times, end]
        if any(after < before for before, after in pairwise(path)):
            raise ValueError(f"times={list(times)} must rise, from no less than {start:g} to no more than {end:g}.")
        return list(times)

    def _fields(self, start: int, count: int, prompts: Sequence[str] | None, seed: int) -> dict[str, Any]:
        texts = [prompts[number % len(prompts)] for number in range(start, start + count)] if prompts else None
        routes = [conditioner.route for conditioner in self.module.conditioners]
        if texts and "cross" not in routes:
            raise ValueError("--prompt was given, but this model takes no text.")
        if not texts and "cross" in routes:
            raise ValueError("this model takes text: give --prompt='[\"a red apple\"]', one or several.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + start)
            return {
                conditioner.key: texts if conditioner.route == "cross" else conditioner.example(count)
                for conditioner in self.module.conditioners
            }


@contextmanager
def watched(modules: Iterable[nn.Module], look: Callable[[nn.Module, dict[str, Any], Any], T]) -> Iterator[list[T]]:
    """Looks at every call of some modules while the block runs.

    Args:
        modules: whose calls.
        look: what is kept of a call, from the module, its arguments by name, and its output.

    Yields:
        What was kept, in the order of the calls.
    """
    from inspect import signature

    kept: list[T] = []

    def hook(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        bound = signature(module.forward).bind(*arguments, **named)
        kept.append(look(module, bound.arguments, output))

    with ExitStack() as stack:
        for module in modules:
            stack.callback(module.register_forward_hook(hook, with_kwargs=True).remove)
        yield kept
