"""Samples that are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lumina.interfaces import Conditioner
from lumina.module import LuminaModule


@dataclass(frozen=True, slots=True)
class Regions:
    """One condition in several regions of a sample, row by row."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One sample.

    Attributes:
        asked: values of wishes by their names; a missing one, or None, asks for nothing.
        seed: of the noise; None until `numbered` has chosen it.
    """

    asked: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None

    def also(self, name: str, value: Any) -> Request:
        """The same, with another wish."""
        return replace(self, asked={**self.asked, name: value})

    def only(self, names: Collection[str]) -> dict[str, Any]:
        """What is asked for of these wishes."""
        return {name: value for name, value in self.asked.items() if name in names and value is not None}


def numbered(asked: Sequence[Request], count: int, seed: int) -> list[Request]:
    """``count`` samples of each request, each with a seed of its own, by which it can be drawn again alone.

    The seeds count up from ``seed``, or from that of the request where it has one.

    Raises:
        ValueError: for a negative seed.
    """
    samples: list[Request] = []
    for request in asked:
        for number in range(count):
            own = seed + len(samples) if request.seed is None else request.seed + number
            if own < 0:
                raise ValueError(f"seed={own} must not be negative.")
            samples.append(replace(request, seed=own))
    return samples


def completed(module: LuminaModule, samples: Sequence[Request]) -> list[Request]:
    """The samples with all that the model's conditioners have to be told.

    Raises:
        ValueError: for a value that the model does not know, or the lack of one that it needs.
    """
    done, given = set[str](), list(samples)
    for conditioner in module.conditioners:
        wish = conditioner.wish
        if conditioner.of_canvas:
            continue
        if wish is None:
            raise ValueError(
                f"this model was trained with {conditioner.key!r}, which samples cannot be asked for: "
                f"{type(conditioner).__name__} names no wish."
            )
        if wish.name in done:
            continue
        done.add(wish.name)
        names = [wish.name, *(other.name for other in conditioner.stand_ins)]
        told = [_ask(conditioner.ask, _first(sample.only(names), names)) for sample in given]
        turn = _turn(module, conditioner) if None in told else ()
        values = [turn[place % len(turn)] if value is None else value for place, value in enumerate(told)]
        samples = [sample.also(wish.name, value) for sample, value in zip(samples, values, strict=True)]
    return list(samples)


def _turn(module: LuminaModule, conditioner: Conditioner) -> Sequence[Any]:
    """What samples show in turn that are told nothing of this condition."""
    turn = conditioner.unasked()
    if turn or any(None in other.unasked() for other in module.conditioners if not other.of_canvas):
        return turn or (None,)
    option = "" if conditioner.wish is None else f"--{conditioner.wish.name} or "
    raise ValueError(f"this model was trained with {conditioner.key!r}: say what to draw with {option}--prompts.")


def _first(asked: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value of the first of ``names`` that is asked for; None = of none."""
    return next((asked[name] for name in names if name in asked), None)


def _ask(ask: Any, value: Any) -> Any:
    if isinstance(value, Regions):
        return Regions(tuple(ask(one) for one in value.values))
    return None if value is None else ask(value)
