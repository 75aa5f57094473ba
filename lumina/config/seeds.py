"""One seed for all that is random."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any


def settle_seeds(seed: Any, *parts: MutableMapping[str, Any] | None) -> None:
    """Lets ``seed_everything`` reach the parts that draw from seeds of their own: noise, order and augmentation.

    Args:
        seed: of ``seed_everything``; what is no number, true say, is left to Lightning.
        parts: arguments with a ``seed``; one that is 0, the default, is set, others hold.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        return
    for part in parts:
        if part is not None and part.get("seed") == 0:
            part["seed"] = seed
