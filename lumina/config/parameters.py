"""What a class may be given, also what it hands on to its base class as ``**keywords``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def parameters_of(owner: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The named parameters of a class or function, with their types as objects where these can be imported.

    A class that takes ``**keywords`` has those of its base classes too, up to the first that takes none.

    Returns:
        The parameters by name; none where Python cannot tell them.
    """
    found: dict[str, inspect.Parameter] = {}
    for start in _starts(owner):
        own = _signature(start)
        found |= {name: parameter for name, parameter in own.items() if name not in found}
        if not any(parameter.kind == inspect.Parameter.VAR_KEYWORD for parameter in own.values()):
            break
    unnamed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name: parameter for name, parameter in found.items() if parameter.kind not in unnamed and name != "self"}


def _starts(owner: Callable[..., Any]) -> list[Callable[..., Any]]:
    """A function itself; of a class each ``__init__``, its own first."""
    if not isinstance(owner, type):
        return [owner]
    inits = [vars(one)["__init__"] for one in owner.__mro__ if "__init__" in vars(one) and one is not object]
    return inits or [owner]


def _signature(start: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    for eval_str in (True, False):
        try:
            return inspect.signature(start, eval_str=eval_str).parameters
        except (NameError, AttributeError):  # a name that only type checkers import
            continue
        except (TypeError, ValueError):  # of a class written in C
            break
    return {}
