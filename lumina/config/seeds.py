"""One seed for all random numbers."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any


def settle_seeds(seed: Any, *parts: MutableMapping[str, Any] | None) -> None:
    """Applies ``seed_everything`` to the parts that have their own seeds: noise, order and augmentation.

    Args:
        seed: value of ``seed_everything``; Lightning handles values that are not integers, such as true.
        parts: arguments with a ``seed``; only seeds of 0, the default, are replaced.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        return
    for part in parts:
        if part is not None and part.get("seed") == 0:
            part["seed"] = seed
