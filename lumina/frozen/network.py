"""Pretrained networks that are used, not trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class Frozen:
    """Holds a pretrained network outside the module tree.

    Not being an `nn.Module`, it stays out of parameters, checkpoints, averaged copies, gradient buckets and
    sharding. The network is loaded at its first use and lives on the device and in the precision that it was last
    asked for.

    Args:
        load: returns the network.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
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


def fingerprint(weights: Mapping[str, Tensor]) -> str:
    """A 16-digit hash of named weights, the same in any order, on every device and in every process."""
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        digest.update(f"{name} {torch.hash_tensor(weight.detach().float()).item()}\n".encode())
    return digest.hexdigest()[:16]
