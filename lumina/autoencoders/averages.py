"""Averages of latents and the same averages of pictures, so that a decoder draws the one as the other."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.autoencoders.seen import Seen
from lumina.randomness import SampleGenerators

MOST = 4
"""Samples in an average."""


def averaged(latents: Tensor, seen: Seen, share: float, generators: SampleGenerators) -> tuple[Tensor, Seen]:
    """Replaces a share of the samples by averages of themselves and up to three that follow them in the batch.

    The number is uniform from two, the weights are uniform on their simplex (Dirichlet(1)).

    Args:
        latents: ``[B, C, ...]`` of the data.
        seen: the data; all of it is real.
        share: of the samples, in [0, 1].
        generators: one for each sample.
    """
    count = len(latents)
    drawn = torch.stack([torch.rand(2 + MOST, generator=each, device=latents.device) for each in generators]).cpu()
    weights = torch.eye(count)
    for index, (chance, number, *parts) in enumerate(drawn.double().clamp_min(1e-12).tolist()):
        if chance < share:
            exponential = -torch.tensor(parts[: 2 + int(number * (MOST - 1))]).log()
            weights[index] = 0
            places = torch.arange(index, index + len(exponential)) % count
            weights[index].index_add_(0, places, exponential / exponential.sum())
    weights = weights.to(latents.device)
    return _weighted(weights, latents), Seen(data=_weighted(weights, seen.data))


def _weighted(weights: Tensor, values: Tensor) -> Tensor:
    with torch.autocast(values.device.type, enabled=False):
        return torch.einsum("bs,s...->b...", weights, values.float())
