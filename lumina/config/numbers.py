"""Parses numbers in user input."""

from __future__ import annotations

import re
from collections.abc import Sequence


def integers(value: Sequence[int] | str, count: int, name: str, form: str) -> tuple[int, ...]:
    """Parses ``count`` non-negative integers from a list, or from text separated by ``x`` or ``,``.

    Raises:
        ValueError: the value has another form; states the expected ``form`` of the option ``name``.
    """
    parts = re.split(r"\s*[x×,]\s*", str(value).strip(" []()").lower())
    if len(parts) != count or not all(re.fullmatch(r"\d{1,9}", part, re.ASCII) for part in parts):
        raise ValueError(f"{name}={value!r} is not understood; it has the form {form}.")
    return tuple(int(part) for part in parts)


def at_least(least: int, name: str, value: int) -> int:
    """Returns the value if it is at least ``least``.

    Raises:
        ValueError: it is smaller.
    """
    if value < least:
        raise ValueError(f"{name}={value} must be at least {least}.")
    return value
