"""Statistics of the data and of the latents, stored with the VAE."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lumina.autoencoders.losses import masked_mean
from lumina.autoencoders.seen import Seen

DECAY = 0.99
"""Of the moving averages of the latents, a training batch."""
LEAST = 1e-12
"""Variance of the latents, so that constant ones have a scale."""


class LatentMoments(nn.Module):
    """The deviation of the posterior's means, by moving averages over training batches.

    Encoders change while they train; the averages follow, and settle as the learning rate falls.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("sums", torch.zeros(3))  # of the weights, the values and their squares
        self.sums: Tensor

    @torch.no_grad()
    def update(self, means: Tensor, mask: Tensor | None) -> Tensor:
        """Takes in the means of a batch, if they are finite; returns the factor ``[]`` that gives unit deviation.

        Args:
            means: ``[B, C, ..., T]``.
            mask: ``[B, T]``, True = real; None = all is.
        """
        means = means.detach().float()
        here = torch.stack([means.new_ones(()), masked_mean(means, mask), masked_mean(means.square(), mask)])
        self.sums.lerp_(torch.where(here.isfinite().all(), here, self.sums), 1 - DECAY)
        weight, mean, square = self.sums
        return (square / weight - (mean / weight).square()).clamp(min=LEAST).rsqrt()


@torch.no_grad()
def band_statistics(batches: Iterable[Seen]) -> tuple[Tensor, Tensor]:
    """Mean and deviation ``[bands]`` of mel spectrograms, over real frames.

    Args:
        batches: of mel spectrograms.

    Raises:
        ValueError: no frame is real.
    """
    sums: Tensor | None = None
    for seen in batches:
        mel = seen.data.mT
        frames = (mel.flatten(0, 1) if seen.mask is None else mel[seen.mask]).double().cpu()
        ones = torch.full((frames.shape[1],), float(len(frames)), dtype=torch.double)
        here = torch.stack([ones, frames.sum(0), frames.square().sum(0)])
        sums = here if sums is None else sums + here
    if sums is None or not sums[0, 0]:
        raise ValueError("there are no real frames among the training samples to measure the bands' mean from.")
    mean = sums[1] / sums[0]
    return mean.float(), (sums[2] / sums[0] - mean.square()).clamp(min=0).sqrt().float()
