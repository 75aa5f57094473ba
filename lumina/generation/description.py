"""Descriptions of samples, for files and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lumina.generation.requests import Regions, Request
from lumina.generation.wishes import Wishes
from lumina.interfaces import Conditioner
from lumina.module import LuminaModule
from lumina.values import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Describes one sample.

    Attributes:
        record: all that was asked for, as plain data.
        words: what it shows, for people; several where its regions differ or several conditioners have words.
        away: what it stays away from.
        facts: what of the record the words do not say, by names for people.
        exhibits: wishes whose values a page shows, with the values.
    """

    record: dict[str, Any] = field(default_factory=dict)
    words: Sequence[str] = ()
    away: Sequence[str] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    exhibits: Sequence[tuple[Wish, Any]] = ()


def describe(module: LuminaModule, request: Request) -> Description:
    """Describes a sample by its completed ``request``."""
    wishes, record, words, away = Wishes.of(module), dict[str, Any](), dict[str, list[str]](), dict[str, list[str]]()
    for conditioner in module.conditioners:
        for wish, lines in ((conditioner.wish, words), (conditioner.avoid, away)):
            if wish is not None and wish.name not in record and request.asked.get(wish.name) is not None:
                value = request.asked[wish.name]
                record |= _record(conditioner, wish, value)
                lines[wish.name] = _words(conditioner, value)
    canvas = {name: wishes.canvas[name].show(value) for name, value in request.only(wishes.canvas).items()}
    seed = {} if request.seed is None else {"seed": request.seed}
    said = [name for name, lines in (words | away).items() if lines == _listed(record[name])]
    forms = {name: f"{name} ({wish.form})" if wish.form else name for name, wish in wishes.canvas.items()}
    record |= canvas | seed
    return Description(
        record=record,
        words=[line for lines in dict.fromkeys(map(tuple, words.values())) for line in lines],
        away=[line for lines in away.values() for line in lines],
        facts={forms.get(name, name): value for name, value in record.items() if name not in said},
        exhibits=[(w, request.asked[w.name]) for w in wishes.all.values() if w.exhibit and request.only([w.name])],
    )


def _record(conditioner: Conditioner, wish: Wish, value: Any) -> dict[str, Any]:
    if isinstance(value, Regions):
        return {wish.name: [wish.show(one) for one in value.values]}
    return conditioner.record(value) if wish is conditioner.wish else {wish.name: wish.show(value)}


def _words(conditioner: Conditioner, value: Any) -> list[str]:
    return conditioner.words(conditioner.gather(list(value.values) if isinstance(value, Regions) else [value]))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
