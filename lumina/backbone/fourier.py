"""Fourier features of coordinates: the input embedding of points, with scaling to untrained densities."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lumina.backbone.initialisation import xavier
from lumina.backbone.rope import scaled_frequencies
from lumina.values import Inference, on_device

PLASTIC = 1.3247179572447458  # real root of x^3 = x + 1; generates the R2 low-discrepancy sequence (Roberts, 2018)


class FourierEmbedding(nn.Module):
    """A linear layer on the features ``[cos 2 pi theta_k . p, sin 2 pi theta_k . p]`` of coordinates p.

    These are the Fourier features of Lumina-Next, appendix E.3. The directions of the K frequency vectors are spread
    evenly over the sphere. Their lengths fall geometrically with the normalised exponent ``u = k / K``, like RoPE's
    frequencies: ``|theta_k| = highest * (highest / lowest) ** -u``. The frequencies are not trained.

    For clouds with s times as many points as in training, the rules of `lumina.backbone.rope` can scale the
    frequencies. The time-aware rule differs from the printed one. The paper prints ``theta' = theta s^(D / d_t)`` with
    ``d_t = (D - 1) t + 1``. Taken literally, this multiplies every frequency by ``s^D`` at t = 0, which contradicts the
    stated intent: global shape first, details later. Here the rule acts as for RoPE: a frequency is multiplied by
    ``max(s^(-u / u_t), 1 / s)`` with ``u_t = d_t / D`` and ``D = 2 K``. At t = 0 all frequencies except the highest are
    divided by s, so the network sees the cloud coarsely. At t = 1 the factor is ``s^-u``, which restores the details.
    At s = 1 nothing is scaled.

    Args:
        width: D of the model.
        trained: points per cloud in training, the reference of s.
        frequencies: K.
        lowest: length of the shortest frequency vector, in periods per unit length.
        highest: length of the longest frequency vector.

    Raises:
        ValueError: an argument is out of its range.
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
        # not a buffer: it follows from the arguments and must stay float32 if the weights are not
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
        """Embeds coordinates as ``[B, L, D]``.

        Args:
            features: coordinates ``[B, L, 3]``; noisy at ``t < 1``.
            t: ``[B]``; time-dependent rules use the first entry.
            mask: ``[B, L]``; gives the number of points of each cloud.
            inference: its ``rope_rule`` scales the frequencies of clouds with more points than in training.
        """
        theta = self.theta * self._factors(features, t, mask, inference)
        x, y, z = on_device(theta, features.device, torch.float32).unbind(-1)
        p = features.float()  # high frequencies of coordinates in bfloat16 would be noise
        angles = 2 * math.pi * (p[..., :1] * x + p[..., 1:2] * y + p[..., 2:] * z)
        return self.project(torch.cat((angles.cos(), angles.sin()), -1).to(self.project.weight.dtype))

    def _factors(
        self, features: Tensor, t: Tensor | None, mask: Tensor | None, inference: Inference | None
    ) -> Tensor | float:
        """Factors ``[B, 1, K, 1]`` on the frequencies, or 1 without a rule."""
        if inference is None or inference.rope_rule == "none":
            return 1.0
        if inference.rope_rule == "frequency_aware":
            raise ValueError(
                "rope rule 'frequency_aware' needs a trained length, which a set of points does not have; use "
                "'time_aware', 'ntk' or 'interpolation'."
            )
        counts = torch.tensor([features.shape[1]]) if mask is None else mask.sum(1).cpu()
        scale = (counts.double() / self.trained).clamp(min=1)
        u = torch.arange(len(self.theta), dtype=torch.float64) / len(self.theta)
        time = 1.0 if t is None else float(t[0])
        factors = scaled_frequencies(inference.rope_rule, torch.ones_like(u), u, scale, time, 2 * len(u))
        return factors.to(self.theta)[:, None, :, None]


def _directions(count: int) -> Tensor:
    """Unit vectors ``[count, 3]`` on the sphere; every prefix of the sequence is spread evenly."""
    k = torch.arange(count, dtype=torch.float64) + 0.5
    z, turn = 1 - 2 * (k / PLASTIC % 1), 2 * math.pi * (k / PLASTIC**2 % 1)
    radius = (1 - z.square()).sqrt()
    return torch.stack((radius * turn.cos(), radius * turn.sin(), z), 1)
