"""A holder for pretrained networks that are not trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class Frozen:
    """Holds a pretrained network outside the module tree.

    It is not an `nn.Module`, so the network is not part of parameters, checkpoints, averaged copies, gradient buckets
    or sharding. The network is loaded at first use and stays on the device and in the precision of the last call.

    Args:
        load: loads and returns the network.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._network: Any = None

    def on(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Any:
        """The network in evaluation mode, without gradients, on ``device``."""
        if self._network is None:
            self._network = self._load().eval().requires_grad_(False)
        first = next(self._network.parameters())
        if (first.device, first.dtype) != (device, dtype):  # diffusers warns at each call of `to`
            self._network.to(device=device, dtype=dtype)
        return self._network


def fingerprint(weights: Mapping[str, Tensor]) -> str:
    """A 16-digit hash of named weights; it does not depend on their order, the device or the process."""
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        values = weight.detach().float().cpu().contiguous()
        digest.update(f"{name} {list(values.shape)}\n".encode())
        digest.update(values.numpy().data)
    return digest.hexdigest()[:16]
