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


class FirstChannels(ClassifierFree):
    """Classifier-free guidance on the first channels; the others stay conditional, as in the released sampler.

    A token's features are (channel, row, column), so the first channels are the first features.

    Args:
        scale: 1 gives the conditional velocity.
        channels: how many are guided.
        of: how many there are; 4 in the latents of SD's and SDXL's VAE, 16 in those of SD3's.

    Raises:
        ValueError: if there are fewer than ``channels``.
    """

    def __init__(self, scale: float, channels: int = 3, of: int = 4) -> None:
        super().__init__(scale)
        if not 1 <= channels <= of:
            raise ValueError(f"FirstChannels: {channels} channels of {of} cannot be guided; give 1 to {of}.")
        self.channels, self.of = channels, of

    def combine(self, conditional: Tensor, null: Tensor, t: Tensor) -> Tensor:
        """``[B, L, F]`` from two ``[B, L, F]``; the same at every time ``t []``.

        Raises:
            ValueError: where the features are no whole number of channels.
        """
        if conditional.shape[-1] % self.of:
            raise ValueError(
                f"FirstChannels: tokens of {conditional.shape[-1]} features do not have {self.of} channels; set "
                "`of` to the channels of the latent."
            )
        guided = conditional.shape[-1] * self.channels // self.of
        first = super().combine(conditional[..., :guided], null[..., :guided], t)
        return torch.cat((first, conditional[..., guided:]), dim=-1)
