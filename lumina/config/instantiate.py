"""Objects out of a configuration, after it was looked through for what is no class."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ArgumentError, ArgumentParser, Namespace

from lumina.config.trust import UntrustedError, refusal, require_classes, shared

T = TypeVar("T")


def instantiated(owner: type[T], config: Mapping[str, Any], source: str | Path | None = None) -> T:
    """An instance of a class.

    Args:
        owner: the class.
        config: its arguments as plain data.
        source: the shared file that they came with; None = they are the user's own words.

    Raises:
        ArgumentError: they do not fit.
        ValueError: they name something else than classes.
        UntrustedError: they name what only the user may.
    """
    with shared(source):
        return owner(**vars(arguments_of(owner, config)))


def arguments_of(owner: type, config: Mapping[str, Any]) -> Namespace:
    """The arguments of a class as objects, as in `instantiated`; the class itself is not called."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(owner, fail_untyped=False)
    try:
        parsed = parser.parse_object(deepcopy(dict(config)))  # it changes what it is given
    except ArgumentError as error:
        if refused := refusal(str(error)):
            raise UntrustedError(refused) from error
        raise
    require_classes(parsed)
    return parser.instantiate(parsed)
