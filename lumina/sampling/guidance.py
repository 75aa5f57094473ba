"""Guidance: combines velocities under all conditions and under fewer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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

    def combine(self, velocities: Sequence[Tensor], t: Tensor) -> Tensor:
        """``[B, L, F]`` from two ``[B, L, F]``; the same at every time ``t []``."""
        conditional, null = velocities
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

    def combine(self, velocities: Sequence[Tensor], t: Tensor) -> Tensor:
        """``[B, L, F]`` from two ``[B, L, F]``; the same at every time ``t []``.

        Raises:
            ValueError: ``of`` does not divide F.
        """
        conditional, null = velocities
        if conditional.shape[-1] % self.of:
            raise ValueError(
                f"FirstChannels: tokens of {conditional.shape[-1]} features do not have {self.of} channels; set "
                "`of` to the number of channels of the latent."
            )
        guided = conditional.shape[-1] * self.channels // self.of
        first = super().combine((conditional[..., :guided], null[..., :guided]), t)
        return torch.cat((first, conditional[..., guided:]), dim=-1)


class PerCondition(Guidance):
    """Guidance with a scale for each condition (InstructPix2Pix, Brooks et al., 2023, eq. 3).

    With conditions a and b in this order, ``v() + scale_a * (v(a) - v()) + scale_b * (v(a, b) - v(a))``. A condition
    that is not named is followed as it is told, in every term. Equal scales give classifier-free guidance; a velocity
    that the scales cancel is not evaluated.

    Args:
        scales: by the names of the conditions' wishes, in the order in which they are added; 1 = no guidance.

    Raises:
        ValueError: there are none, or one is no finite number.
    """

    def __init__(self, scales: Mapping[str, float]) -> None:
        if not scales or not all(map(math.isfinite, scales.values())):
            raise ValueError(f"PerCondition: got scales {dict(scales)}; give a number for each condition by its name.")
        self.scales = dict(scales)

    @property
    def without(self) -> tuple[frozenset[str], ...]:  # type: ignore[override]
        """For each velocity but the first, the conditions that are not added yet."""
        return tuple(self._weights)

    def combine(self, velocities: Sequence[Tensor], t: Tensor) -> Tensor:
        """``[B, L, F]`` from as many ``[B, L, F]``; the same at every time ``t []``."""
        *_, last = self.scales.values()
        combined = last * velocities[0]
        for weight, velocity in zip(self._weights.values(), velocities[1:], strict=True):
            combined = combined + weight * velocity
        return combined

    @property
    def _weights(self) -> dict[frozenset[str], float]:
        """Factors of the velocities but the first, by what these go without."""
        names, scales = list(self.scales), [1.0, *self.scales.values()]
        weights = {frozenset(names[place:]): scales[place] - scales[place + 1] for place in range(len(names))}
        return {names: weight for names, weight in weights.items() if weight}
