"""Refuses ``null`` for arguments that do not allow it; jsonargparse accepts it and the class would fail later."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from lumina.config.parameters import parameters_of
from lumina.config.trust import imported, is_object, walk


def refuse_nulls(settings: Mapping[str, Any], place: str, owner: Callable[..., Any] | None = None) -> None:
    """Checks the arguments of all objects in settings against the types that their classes declare.

    Args:
        settings: plain data, objects as class_path and init_args.
        place: path of the settings in the user's file.
        owner: the class or function whose arguments they are; None = they describe an object.

    Raises:
        ValueError: an argument is null, which is neither in its type nor its default.
    """
    if owner is not None:
        _compare(owner, settings, place)
    for inner, value in walk(settings, place):
        named = imported(value["class_path"]) if is_object(value) else None
        if isinstance(named, type):  # other values are refused at instantiation
            _compare(named, value.get("init_args") or {}, inner)


def _compare(owner: Callable[..., Any], arguments: Mapping[str, Any], place: str) -> None:
    parameters = parameters_of(owner)
    for name, value in arguments.items():
        if name not in parameters or parameters[name].annotation is inspect.Parameter.empty:
            continue
        default, hint = parameters[name].default, parameters[name].annotation
        if value is None and default is not None and not _takes_null(hint):
            left_out = "" if default is inspect.Parameter.empty else f"; left out, it is {default!r}"
            raise ValueError(f"{place}.{name} is null, but it must have a value{left_out}.")
        for kind in get_args(hint) or (hint,):
            if is_dataclass(kind) and isinstance(value, Mapping) and not is_object(value):
                _compare(kind, value, f"{place}.{name}")  # type: ignore[arg-type]


def _takes_null(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(map(_takes_null, get_args(hint)))
    return hint in (None, NoneType, Any, object) or isinstance(hint, str)
