"""Fourier features of coordinates: the input embedding of points, at densities never trained on too."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lumina.backbone.initialisation import xavier
from lumina.backbone.rope import scaled_frequencies
from lumina.values import Inference

PLASTIC = 1.3247179572447458  # real root of x^3 = x + 1, from which the evenest sequence in two dimensions is made


class FourierEmbedding(nn.Module):
    """``[cos 2 pi theta_k . p, sin 2 pi theta_k . p]`` of coordinates p, then a linear layer (Lumina-Next, E.3).

    The K frequency vectors point in directions spread evenly over the sphere; their lengths fall geometrically with
    the normalised exponent ``u = k / K``, ``|theta_k| = highest * (highest / lowest) ** -u``, as RoPE's frequencies do.

    With s times as many points as in training the rules of `lumina.backbone.rope` may scale them. The paper prints
    ``theta' = theta s^(D / d_t)`` with ``d_t = (D - 1) t + 1``; read as written that multiplies every frequency by
    ``s^D`` at t = 0, against its own intent: global shape early, detail late. What RoPE's time-aware rule does to its
    base is meant here too, so a frequency is multiplied by ``max(s^(-u / u_t), 1 / s)`` with ``u_t = d_t / D`` and
    ``D = 2 K``: at t = 0 all but the highest are divided by s (the cloud is seen coarsely), at t = 1 the factor is
    ``s^-u`` (the detail is back), and at s = 1 nothing is scaled. The frequencies are not trained.

    Args:
        width: D of the model.
        trained: points of a cloud in training, of which s is counted.
        frequencies: K.
        lowest: shortest frequency vector, in periods per unit length.
        highest: longest one.

    Raises:
        ValueError: for an impossible range.
    """

    def __init__(
        self, width: int, trained: int, frequencies: int = 64, lowest: float = 1 / 16, highest: float = 4.0
    ) -> None:
        super().__init__()
        if min(trained, frequencies) < 1 or not 0 < lowest <= highest:
            raise ValueError(
                f"Fourier features need at least 1 point and 1 frequency and 0 < lowest <= highest, got {trained}, "
                f"{frequencies}, {lowest:g} and {highest:g}."
            )
        self.trained = trained
        u = torch.arange(frequencies, dtype=torch.float64) / frequencies
        lengths = highest * (highest / lowest) ** -u
        # no buffer: it follows from the arguments, not from a file, and stays float32 where weights are not
        self.theta = (lengths.unsqueeze(1) * _directions(frequencies)).float()
        self.project = nn.Linear(2 * frequencies, width)
        xavier(self)

    def forward(
        self,
        features: Tensor,
        t: Tensor | None = None,
        mask: Tensor | None = None,
        inference: Inference | None = None,
    ) -> Tensor:
        """``features [B, L, 3]``, the coordinates -> ``[B, L, D]``.

        Args:
            features: coordinates, noisy ones at ``t < 1``.
            t: ``[B]``; the rules that know time read the first.
            mask: ``[B, L]``, by which each cloud's points are counted.
            inference: its ``rope_rule`` scales frequencies where a cloud has more points than in training.
        """
        x, y, z = (self.theta * self._factors(features, t, mask, inference)).to(features.device).unbind(-1)
        p = features.float()  # of coordinates rounded to bfloat16 the high frequencies are noise
        angles = 2 * math.pi * (p[..., :1] * x + p[..., 1:2] * y + p[..., 2:] * z)
        return self.project(torch.cat((angles.cos(), angles.sin()), -1).to(self.project.weight.dtype))

    def _factors(
        self, features: Tensor, t: Tensor | None, mask: Tensor | None, inference: Inference | None
    ) -> Tensor | float:
        """``[B, 1, K, 1]`` on the frequencies, or 1."""
        if inference is None or inference.rope_rule == "none":
            return 1.0
        if inference.rope_rule == "frequency_aware":
            raise ValueError(
                "rope rule 'frequency_aware' compares wavelengths with a trained length, which a set of points does "
                "not have; use 'time_aware', 'ntk' or 'interpolation'."
            )
        counts = torch.tensor([features.shape[1]]) if mask is None else mask.sum(1).cpu()
        scale = (counts.double() / self.trained).clamp(min=1)
        u = torch.arange(len(self.theta), dtype=torch.float64) / len(self.theta)
        time = 1.0 if t is None else float(t[0])
        factors = scaled_frequencies(inference.rope_rule, torch.ones_like(u), u, scale, time, 2 * len(u))
        return factors.to(self.theta)[:, None, :, None]


def _directions(count: int) -> Tensor:
    """``[count, 3]`` unit vectors; every beginning of them is spread evenly over the sphere."""
    k = torch.arange(count, dtype=torch.float64) + 0.5
    z, turn = 1 - 2 * (k / PLASTIC % 1), 2 * math.pi * (k / PLASTIC**2 % 1)
    radius = (1 - z.square()).sqrt()
    return torch.stack((radius * turn.cos(), radius * turn.sin(), z), 1)
