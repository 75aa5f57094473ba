"""Refuses ``null`` where a class does not know it: jsonargparse lets it through, and the class trips over it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from lumina.config.parameters import parameters_of


def refuse_nulls(owner: Callable[..., Any], arguments: Mapping[str, Any], place: str) -> None:
    """Compares arguments, and those of the classes named among them, with the types that their owner declares.

    Args:
        owner: the class or function that the arguments are for.
        arguments: as plain data, objects as class_path and init_args.
        place: path of the arguments in the user's file.

    Raises:
        ValueError: for a null that the owner neither declares nor has as its default.
    """
    parameters = parameters_of(owner)
    for name, value in arguments.items():
        if name not in parameters or parameters[name].annotation is inspect.Parameter.empty:
            continue
        default, hint = parameters[name].default, parameters[name].annotation
        if value is None and default is not None and not _takes_null(hint):
            left_out = "" if default is inspect.Parameter.empty else f"; left out, it is {default!r}"
            raise ValueError(f"{place}.{name} is null, but it must have a value{left_out}.")
        refuse_nulls_in(value, hint, f"{place}.{name}")


def refuse_nulls_in(value: Any, hint: Any, place: str) -> None:
    """Compares the arguments of all objects in a value, as `refuse_nulls`.

    Args:
        value: plain data, objects as class_path and init_args.
        hint: its type, which says what mappings without a class_path are; None = there are no such.
        place: path of the value in the user's file.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            refuse_nulls_in(item, None, f"{place}.{number}")
    elif isinstance(value, Mapping) and isinstance(value.get("class_path"), str):
        module, _, name = value["class_path"].rpartition(".")
        owner = getattr(sys.modules.get(module), name, None)
        if isinstance(owner, type):  # what it may be else is refused where it is built
            refuse_nulls(owner, value.get("init_args") or {}, place)
    elif isinstance(value, Mapping):
        for owner in get_args(hint) or (hint,):
            if is_dataclass(owner):
                refuse_nulls(owner, value, place)  # type: ignore[arg-type]


def _takes_null(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(map(_takes_null, get_args(hint)))
    return hint in (None, NoneType, Any, object) or isinstance(hint, str)
