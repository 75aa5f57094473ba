"""Pretrained networks that are used, not trained."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch

PACKAGE = "package:"


class Frozen:
    """Holds a pretrained network outside the module tree.

    Not being an `nn.Module`, it stays out of parameters, checkpoints, averaged copies, gradient buckets and
    sharding. The network is loaded at its first use and lives on the device and in the precision that it was last
    asked for.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        """Loads nothing yet.

        Args:
            load: returns the network.
        """
        self._load = load
        self._network: Any = None

    def on(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Any:
        """The network in evaluation mode, without gradients, on ``device``."""
        if self._network is None:
            self._network = self._load().eval().requires_grad_(False)
        at = next(self._network.parameters())
        if (at.device, at.dtype) != (device, dtype):  # diffusers warns of each call of `to`
            self._network.to(device=device, dtype=dtype)
        return self._network


def resolve(path: str) -> str:
    """Where a pretrained network lies: ``package:NAME/FOLDER`` is a folder inside an installed Python package.

    Raises:
        ImportError: if the package is not installed.
    """
    if not path.startswith(PACKAGE):
        return path
    name, _, folder = path.removeprefix(PACKAGE).partition("/")
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise ImportError(
            f"{path!r} lies in the package {name!r}, which is not installed: pip install {name.replace('_', '-')}"
        )
    return os.path.join(found.submodule_search_locations[0], folder)
