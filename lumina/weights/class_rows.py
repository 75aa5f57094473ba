"""Rows of trained parameters that belong to classes, brought to the classes of another model by their names."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from lumina.backbone import NextDiT
from lumina.data.classes import some
from lumina.interfaces import Conditioner, Objective


class Trainee(Protocol):
    """A module that takes trained weights."""

    backbone: NextDiT
    objective: Objective

    @property
    def conditioners(self) -> Iterable[Conditioner]:
        """What the backbone is told."""

    @property
    def classes(self) -> Mapping[str, Sequence[str]]:
        """Names of the classes in the order of their numbers, by the part that knows them."""

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors, by name."""

    def register_load_state_dict_pre_hook(self, hook: Callable[..., None]) -> Any:
        """Calls ``hook`` with a state before it is loaded."""


def rows_by_name(
    module: Trainee, state: Mapping[str, Tensor], arguments: Mapping[str, Any], source: object
) -> dict[str, Tensor]:
    """Trained tensors with their class rows in the order of a module's classes.

    A class that the source does not know has the row that the module began with. A warning names such classes.

    Args:
        module: to be trained.
        state: the source's tensors, by the names in ``module``.
        arguments: of the source, which name its classes.
        source: for the warnings.
    """
    theirs, ours, own = _classes(arguments), module.classes, module.state_dict()
    arranged, told = dict(state), set()
    for name, part in _parameters(module).items():
        if name not in state or state[name].shape[1:] != own[name].shape[1:]:
            continue
        known, wished = theirs.get(part), ours.get(part)
        arranged[name] = _arranged(state[name], own[name], known, wished)
        told.add(_notice(known, wished, len(state[name]) == len(own[name])))
    for notice in sorted(told - {""}):
        warnings.warn(f"{source} {notice}", stacklevel=3)
    return arranged


def _arranged(old: Tensor, new: Tensor, known: Sequence[str] | None, wished: Sequence[str] | None) -> Tensor:
    if known is None or wished is None:
        return old if old.shape == new.shape else new
    rows = new.clone()
    for place, name in enumerate(wished):
        if name in known:
            rows[place] = old[known.index(name)]
    rows[len(wished) :] = old[len(known) :]  # such as that of "no class"
    return rows


def _notice(known: Sequence[str] | None, wished: Sequence[str] | None, same: bool) -> str:
    if known is None or wished is None:
        if not same:
            return "has another number of classes and does not name them: the rows of all classes start anew."
        return "" if wished is None else f"does not name its classes: they are taken to be {some(wished)}."
    fresh = [name for name in wished if name not in known]
    return f"knows the classes {some(known)}: {some(fresh)} start anew, the others go on by name." if fresh else ""


def _parameters(module: Trainee) -> dict[str, str]:
    """Names of the parameters with a row for each class, and the part that knows the classes."""
    found = {f"objective.{name}": "modality" for name in module.objective.class_rows}
    for number, part in enumerate(module.conditioners):
        found |= {f"conditioners.{number}.{name}": f"conditioners.{number}" for name in part.class_rows}
    return found


def _classes(arguments: Mapping[str, Any]) -> dict[str, list[str]]:
    parts = {"modality": arguments.get("modality")}
    parts |= {f"conditioners.{n}": part for n, part in enumerate(arguments.get("conditioners") or [])}
    named = {name: (part or {}).get("init_args", {}).get("classes") for name, part in parts.items()}
    return {name: list(classes) for name, classes in named.items() if classes}
