"""Guidance: combines a conditional and an unconditional velocity."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.interfaces import Guidance


class ClassifierFree(Guidance):
    """Classifier-free guidance (Ho and Salimans, 2022) on all channels: ``null + scale * (conditional - null)``.

    Args:
        scale: 1 gives the conditional velocity, 0 the unconditional one.
    """

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def combine(self, conditional: Tensor, null: Tensor, t: Tensor) -> Tensor:
        """``[B, L, F]`` from two ``[B, L, F]``; the same at every time ``t []``."""
        return torch.lerp(null, conditional, self.scale)


class FirstChannels(ClassifierFree):
    """Classifier-free guidance on the first channels, as in the released sampler; the others stay conditional.

    The features of a token are ordered (channel, row, column), so the first channels are the first features.

    Args:
        scale: 1 gives the conditional velocity.
        channels: number of guided channels.
        of: number of channels of the latent: 4 for the VAEs of SD and SDXL, 16 for that of SD3.

    Raises:
        ValueError: ``channels`` is not between 1 and ``of``.
    """

    def __init__(self, scale: float, channels: int = 3, of: int = 4) -> None:
        super().__init__(scale)
        if not 1 <= channels <= of:
            raise ValueError(f"FirstChannels: {channels} channels of {of} cannot be guided; give 1 to {of}.")
        self.channels, self.of = channels, of

    def combine(self, conditional: Tensor, null: Tensor, t: Tensor) -> Tensor:
        """``[B, L, F]`` from two ``[B, L, F]``; the same at every time ``t []``.

        Raises:
            ValueError: ``of`` does not divide F.
        """
        if conditional.shape[-1] % self.of:
            raise ValueError(
                f"FirstChannels: tokens of {conditional.shape[-1]} features do not have {self.of} channels; set "
                "`of` to the number of channels of the latent."
            )
        guided = conditional.shape[-1] * self.channels // self.of
        first = super().combine(conditional[..., :guided], null[..., :guided], t)
        return torch.cat((first, conditional[..., guided:]), dim=-1)
