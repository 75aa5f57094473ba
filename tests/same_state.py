"""Compares checkpoints bit for bit."""

from __future__ import annotations

from typing import Any

import torch


def assert_same(one: Any, other: Any, path: str = "") -> None:
    """Both hold the same tensors and values; ``path`` names the place of a difference."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}.{number}")
    else:
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other, path
