"""Numbers as users write them."""

from __future__ import annotations

import re
from collections.abc import Sequence


def integers(value: Sequence[int] | str, count: int, name: str, form: str) -> tuple[int, ...]:
    """``count`` whole numbers from 0 on out of a list, or out of a text that has ``x`` or ``,`` between them.

    Raises:
        ValueError: saying which ``form`` the option ``name`` has.
    """
    parts = re.split(r"\s*[x×,]\s*", str(value).strip(" []()").lower())
    if len(parts) != count or not all(re.fullmatch(r"\d{1,9}", part, re.ASCII) for part in parts):
        raise ValueError(f"{name}={value!r} is not understood; it has the form {form}.")
    return tuple(int(part) for part in parts)


def at_least(least: int, name: str, value: int) -> int:
    """The value.

    Raises:
        ValueError: it is less than ``least``.
    """
    if value < least:
        raise ValueError(f"{name}={value} must be at least {least}.")
    return value
