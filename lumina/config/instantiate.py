"""Instantiates objects from a configuration after checking that it names only classes."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ArgumentError, ArgumentParser, Namespace

from lumina.config.trust import UntrustedError, refusal, require_classes, shared

T = TypeVar("T")


def instantiated(owner: type[T], config: Mapping[str, Any], source: str | Path | None = None) -> T:
    """Instantiates a class from plain data.

    Args:
        owner: the class.
        config: its arguments as plain data.
        source: the shared file of the arguments; None = they are the user's own.

    Raises:
        ArgumentError: the arguments do not match the class.
        ValueError: the arguments name something other than a class.
        UntrustedError: the arguments name something that only the user may name.
    """
    with shared(source):
        return owner(**vars(arguments_of(owner, config)))


def arguments_of(owner: type, config: Mapping[str, Any]) -> Namespace:
    """Instantiates the arguments of a class as in `instantiated`, but not the class itself."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(owner, fail_untyped=False)
    try:
        parsed = parser.parse_object(deepcopy(dict(config)))  # it changes its argument
    except ArgumentError as error:
        if refused := refusal(str(error)):
            raise UntrustedError(refused) from error
        raise
    require_classes(parsed)
    return parser.instantiate(parsed)
