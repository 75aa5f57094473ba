"""How a conditional and an unconditional velocity become one."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.interfaces import Guidance


class ClassifierFree(Guidance):
    """Classifier-free guidance (Ho and Salimans 2022) on all channels: ``null + scale * (conditional - null)``.

    Args:
        scale: 1 gives the conditional velocity, 0 the unconditional one.
    """

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def combine(self, conditional: Tensor, null: Tensor, t: Tensor) -> Tensor:
        """``[B, L, F]`` from two ``[B, L, F]``; the same at every time ``t []``."""
        return torch.lerp(null, conditional, self.scale)
