"""The linear autoencoder of spectrograms: what a network has to improve upon."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

LEAST = 0.05
"""Deviation of a component, so that one that hardly varies in the training data is not blown up."""


class LinearPath(nn.Module):
    """Blocks of ``factor`` frames to latents by one linear map, and back by another.

    Args:
        bands: of the spectrograms.
        channels: of the latents.
        factor: frames of a block.
    """

    def __init__(self, bands: int, channels: int, factor: int) -> None:
        super().__init__()
        self.analysis = nn.Conv1d(bands, channels, factor, stride=factor)
        self.synthesis = nn.ConvTranspose1d(channels, bands, factor, stride=factor)

    def encode(self, mel: Tensor) -> Tensor:
        """``[B, bands, T]`` to ``[B, C, T / factor]``."""
        return self.analysis(mel)

    def decode(self, latents: Tensor) -> Tensor:
        """``[B, C, T / factor]`` to ``[B, bands, T]``."""
        return self.synthesis(latents)

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[Tensor, Tensor | None]]) -> None:
        """Takes the principal components of data, so that its latents have no mean, unit variance, no correlation.

        Args:
            batches: of ``[B, bands, T]``, with the mask ``[B, T]`` of what is real; None = all is.

        Raises:
            ValueError: there is no block of real frames.
        """
        channels, bands, factor = self.analysis.weight.shape
        mean, covariance = _moments(batches, factor)
        variances, components = torch.linalg.eigh(covariance)  # from the least
        deviations = variances[-channels:].flip(0).clamp(min=LEAST**2).sqrt()
        maps = components[:, -channels:].flip(1).T  # [C, bands * factor]
        weights = {
            "analysis.weight": (maps / deviations[:, None]).view(channels, bands, factor),
            "analysis.bias": -(maps @ mean) / deviations,
            "synthesis.weight": (maps * deviations[:, None]).view(channels, bands, factor),
            "synthesis.bias": mean.view(bands, factor).mean(1),
        }
        self.load_state_dict(weights)


def _moments(batches: Iterable[tuple[Tensor, Tensor | None]], factor: int) -> tuple[Tensor, Tensor]:
    """Mean ``[D]`` and covariance ``[D, D]`` of real blocks of ``factor`` frames, D = bands x factor, in float64."""
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for mel, mask in batches:
        frames = mel.shape[-1] - mel.shape[-1] % factor
        blocks = mel[..., :frames].unflatten(-1, (-1, factor)).transpose(1, 2).flatten(2)
        real = blocks.flatten(0, 1) if mask is None else blocks[mask[:, :frames].unflatten(-1, (-1, factor)).all(-1)]
        real = real.double().cpu()
        count, total, squares = count + len(real), total + real.sum(0), squares + real.T @ real
    if not count:
        raise ValueError(f"there are no {factor} real frames in a row among the training samples to start from.")
    mean = total / count
    return mean, squares / count - torch.outer(mean, mean)
