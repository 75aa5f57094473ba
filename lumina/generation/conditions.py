"""From requests to the conditions of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lumina.conditioning.regions import compose
from lumina.data.batches import move
from lumina.generation.requests import Regions, Request
from lumina.interfaces import Conditioner
from lumina.module import LuminaModule
from lumina.values import Batch, Conditioning, Tokens


def conditions(
    module: LuminaModule,
    requests: Sequence[Request],
    tokens: Tokens,
    grid: tuple[int, int] | None,
    canvas: Batch | None = None,
) -> tuple[Conditioning, Conditioning]:
    """Conditions to follow, and those that guidance leads away from.

    A sample is led away from what it shall avoid, all else being as it is told; where it shall avoid nothing, from the
    null conditions. Where guidance tells conditions apart, what is to be avoided stands for each that is left out.

    Args:
        module: the model, on the device of the tokens.
        requests: B of them, completed.
        tokens: the canvas of B samples.
        grid: rows and columns of the regions that have conditions of their own; None = one for all.
        canvas: what describes the canvas: `Modality.fields` of the samples. None = nothing does.
    """
    regions = 1 if grid is None else grid[0] * grid[1]
    asked = [c for c in module.conditioners if not c.of_canvas]

    def told(without: frozenset[str]) -> Conditioning:
        module.conditioners.require(without)
        parts = [
            _conditioning(
                module, tokens, {c.key: [_part(c, r, region, without) for r in requests] for c in asked}, canvas
            )
            for region in range(regions)
        ]
        return parts[0] if grid is None else compose(parts, tokens, grid)

    avoided = {c.key: [_avoided(module, c, request) for request in requests] for c in asked}
    return replace(told(frozenset()), without=told), _conditioning(module, tokens, avoided, canvas)


def fields(module: LuminaModule, requests: Sequence[Request]) -> Batch:
    """What a batch holds of what is asked for, on the CPU."""
    asked = [c for c in module.conditioners if not c.of_canvas]
    return {c.key: _field(c, [_told(c, request, 0) for request in requests], len(requests)) for c in asked}


def _conditioning(
    module: LuminaModule, tokens: Tokens, values: dict[str, list[Any]], canvas: Batch | None
) -> Conditioning:
    count, device = tokens.features.shape[0], tokens.features.device
    batch = {c.key: _field(c, values[c.key], count) for c in module.conditioners if c.key in values} | {
        **(canvas or {})
    }
    keep = {key: [value is not None for value in asked] for key, asked in values.items()}
    return module.conditioners.conditions(move(batch, device), count, device, keep)


def _field(conditioner: Conditioner, values: Sequence[Any], count: int) -> Any:
    """``batch[key]``; where nothing is asked, any value holds the place of the null condition."""
    some = next((value for value in values if value is not None), None)
    if some is None:
        return conditioner.example(count)
    return conditioner.gather([some if value is None else value for value in values])


def _told(conditioner: Conditioner, request: Request, region: int) -> Any:
    value = None if conditioner.wish is None else request.asked.get(conditioner.wish.name)
    return value.values[region] if isinstance(value, Regions) else value


def _part(conditioner: Conditioner, request: Request, region: int, without: frozenset[str]) -> Any:
    """What a conditioner is told; where that is left out, what the sample shall avoid of it, or nothing."""
    if conditioner.wish is None or conditioner.wish.name not in without:
        return _told(conditioner, request, region)
    return _unwanted(conditioner, request)


def _avoided(module: LuminaModule, conditioner: Conditioner, request: Request) -> Any:
    """What a sample is led away from: what it shall avoid, if anything, beside its other conditions."""
    names = {part.avoid.name for part in module.conditioners if part.avoid is not None}
    if not request.only(names):
        return None
    if conditioner.avoid is None:
        return _told(conditioner, request, 0)
    return _unwanted(conditioner, request)


def _unwanted(conditioner: Conditioner, request: Request) -> Any:
    value = None if conditioner.avoid is None else request.asked.get(conditioner.avoid.name)
    return None if value is None else conditioner.ask(value)
