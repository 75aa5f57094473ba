"""Leaves data and constants in float32 where the weights are half.

Under ``bf16-true`` and ``16-true`` Lightning 2.6.6 casts every floating tensor of a batch, which leaves 8 of a sound's
16 bits. It also makes half precision the default within the steps, so that filter banks and frozen networks would be
built in it. The backbone casts its inputs itself.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from lightning.pytorch.plugins import HalfPrecision


def halve_weights_alone(plugin: Any) -> None:
    """Keeps a trainer's precision plugin from changing anything else than the weights."""
    if isinstance(plugin, HalfPrecision):
        plugin.convert_input = _same  # type: ignore[method-assign]
        plugin.forward_context = nullcontext  # type: ignore[method-assign, assignment]


def _same(data: Any) -> Any:
    return data
