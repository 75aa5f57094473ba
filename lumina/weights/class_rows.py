"""Transfers per-class rows of trained parameters to a model with different classes, by class name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from lumina.backbone import NextDiT
from lumina.data.classes import abbreviate
from lumina.interfaces import Conditioner, Modality, Objective


class Trainee(Protocol):
    """A module into which trained weights are copied."""

    backbone: NextDiT
    objective: Objective
    modality: Modality

    @property
    def conditioners(self) -> Iterable[Conditioner]:
        """The conditioners of the module."""

    @property
    def classes(self) -> Mapping[str, Sequence[str]]:
        """Class names in the order of their labels, by the part that has them."""

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors, by name."""

    def register_load_state_dict_pre_hook(self, hook: Callable[..., None]) -> Any:
        """Calls ``hook`` with a state before it is loaded."""


def rows_by_name(
    module: Trainee, state: Mapping[str, Tensor], arguments: Mapping[str, Any], source: object
) -> dict[str, Tensor]:
    """Reorders the class rows of trained tensors to the classes of a module.

    A class that the source lacks keeps the module's initial row; a warning names such classes. A tensor is left out if
    the number of classes differs and names are missing.

    Args:
        module: the module to be trained.
        state: the source's tensors, by their names in ``module``.
        arguments: of the source; they name its classes.
        source: name of the source, for the warnings.
    """
    stored_classes, classes, initial = _classes(arguments), module.classes, module.state_dict()
    arranged, notices = dict(state), set()
    for name, part in _parameters(module).items():
        if name not in state or state[name].shape[1:] != initial[name].shape[1:]:
            continue
        stored, wanted = stored_classes.get(part), classes.get(part)
        rows = _arranged(state[name], initial[name], stored, wanted)
        if rows is None:
            del arranged[name]
        else:
            arranged[name] = rows
        notices.add(_notice(stored, wanted, len(state[name]) == len(initial[name])))
    for notice in sorted(notices - {""}):
        warnings.warn(f"{source} {notice}", stacklevel=3)
    return arranged


def _arranged(old: Tensor, new: Tensor, stored: Sequence[str] | None, wanted: Sequence[str] | None) -> Tensor | None:
    if stored is None or wanted is None:
        return old if old.shape == new.shape else None
    rows = new.clone()
    for index, name in enumerate(wanted):
        if name in stored:
            rows[index] = old[stored.index(name)]
    rows[len(wanted) :] = old[len(stored) :]  # such as that of "no class"
    return rows


def _notice(stored: Sequence[str] | None, wanted: Sequence[str] | None, same: bool) -> str:
    if stored is None or wanted is None:
        if not same:
            return "has another number of classes and does not name them: the rows of all classes start anew."
        return "" if wanted is None else f"does not name its classes: they are taken to be {abbreviate(wanted)}."
    fresh = [name for name in wanted if name not in stored]
    return (
        f"knows the classes {abbreviate(stored)}: {abbreviate(fresh)} start anew, the others go on by name."
        if fresh
        else ""
    )


def _parameters(module: Trainee) -> dict[str, str]:
    """Maps each parameter with per-class rows to the part that has the class names."""
    parts = {f"objective.{name}": "modality" for name in module.objective.class_rows}
    for number, part in enumerate(module.conditioners):
        parts |= {f"conditioners.{number}.{name}": f"conditioners.{number}" for name in part.class_rows}
    return parts


def _classes(arguments: Mapping[str, Any]) -> dict[str, list[str]]:
    parts = {"modality": arguments.get("modality")}
    parts |= {f"conditioners.{n}": part for n, part in enumerate(arguments.get("conditioners") or [])}
    named = {name: (part or {}).get("init_args", {}).get("classes") for name, part in parts.items()}
    return {name: list(classes) for name, classes in named.items() if classes}
