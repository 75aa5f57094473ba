"""Pretrained networks that are used, not trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class Frozen(Generic[Network]):
    """Holds a pretrained network outside the module tree.

    Not being an `nn.Module`, it stays out of parameters, checkpoints, averaged copies, gradient buckets and sharding. The network is loaded at its
    first use and lives on the device and in the precision that it is last asked for.
    """

    def __init__(self, load: Callable[[], Network]) -> None:
        """Loads nothing yet.

        Args:
            load: returns the network.
        """
        self._load = load
        self._network: Network | None = None

    def on(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Network:
        """The network in evaluation mode, without gradients, on ``device``."""
        if self._network is None:
            self._network = self._load().eval().requires_grad_(False)
        return self._network.to(device=device, dtype=dtype)
