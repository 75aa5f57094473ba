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
    weights = torch.eye(count, device=latents.device)
    for index, generator in enumerate(generators):
        chance, number, *drawn = torch.rand(2 + MOST, generator=generator, device=latents.device)
        if chance < share:
            parts = 2 + int(number * (MOST - 1))
            each = -torch.stack(drawn[:parts]).clamp_min(torch.finfo(torch.float32).tiny).log()
            weights[index] = 0
            places = torch.arange(index, index + parts, device=latents.device) % count
            weights[index].index_add_(0, places, each / each.sum())
    return _weighted(weights, latents), Seen(data=_weighted(weights, seen.data))


def _weighted(weights: Tensor, values: Tensor) -> Tensor:
    with torch.autocast(values.device.type, enabled=False):
        return torch.einsum("bs,s...->b...", weights, values.float())
