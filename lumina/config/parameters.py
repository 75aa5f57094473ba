"""The parameters of a class, including those that it passes to its base class as ``**keywords``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def parameters_of(owner: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The named parameters of a class or function, with types as objects if they can be imported.

    A class with ``**keywords`` also has the parameters of its base classes, up to the first without ``**keywords``.

    Returns:
        The parameters by name; empty if Python cannot determine them.
    """
    parameters: dict[str, inspect.Parameter] = {}
    for start in _starts(owner):
        signature = _signature(start)
        parameters |= {name: parameter for name, parameter in signature.items() if name not in parameters}
        if not any(parameter.kind == inspect.Parameter.VAR_KEYWORD for parameter in signature.values()):
            break
    unnamed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {n: parameter for n, parameter in parameters.items() if parameter.kind not in unnamed and n != "self"}


def _starts(owner: Callable[..., Any]) -> list[Callable[..., Any]]:
    """A function itself, or every ``__init__`` in the method resolution order of a class."""
    if not isinstance(owner, type):
        return [owner]
    inits = [vars(base)["__init__"] for base in owner.__mro__ if "__init__" in vars(base) and base is not object]
    return inits or [owner]


def _signature(start: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    for eval_str in (True, False):
        try:
            return inspect.signature(start, eval_str=eval_str).parameters
        except (NameError, AttributeError):  # a name that only type checkers import
            continue
        except (TypeError, ValueError):  # a class written in C
            break
    return {}
