"""Linear magnitudes to the bands of a filter bank, and back."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from lumina.errors import importing
from lumina.values import MelConvention

ITERATIONS = 20
"""Of the way back: more change the mel spectrogram of the result by less than 0.0002 in log10."""
TINY = 1e-20  # stands for 0 in a denominator


def to_bands(linear: Tensor, convention: MelConvention) -> Tensor:
    """Magnitudes ``[..., fft // 2 + 1, T]`` to ``[..., bands, T]``, in their own precision."""
    with torch.autocast(linear.device.type, enabled=False):
        return filter_bank(convention, linear.device).to(linear.dtype) @ linear


def to_linear(bands: Tensor, convention: MelConvention) -> Tensor:
    """``[..., bands, T]`` to non-negative magnitudes ``[..., fft // 2 + 1, T]`` that have these bands.

    Many have: this one is smooth. Richardson and Lucy's iteration starts from what a band holds, spread over its
    triangle, and lowers the Kullback-Leibler divergence, which weighs relative errors. Measured beside least squares,
    it is nearer in the logarithm after fewer steps.
    """
    with torch.autocast(bands.device.type, enabled=False):
        bank = filter_bank(convention, bands.device)
        back, sums = bank.T, bank.sum(0)[:, None].clamp(min=TINY)
        bands = bands.float()
        linear = back @ (bands / bank.sum(1)[:, None].clamp(min=TINY)) / sums
        for _ in range(ITERATIONS):
            linear = linear * (back @ (bands / (bank @ linear).clamp(min=TINY))) / sums
        return linear


def held(linear: Tensor, convention: MelConvention) -> Tensor:
    """Bins below and above the bank, of which it says nothing, as the nearest bin within it."""
    bins = filter_bank(convention, linear.device).sum(0).nonzero().flatten()
    nearest = torch.arange(linear.shape[-2], device=linear.device).clamp(bins[0], bins[-1])
    return linear[..., nearest, :]


@lru_cache(maxsize=64)
def filter_bank(convention: MelConvention, device: torch.device) -> Tensor:
    """The bank of triangles of librosa, by Slaney's scale and area, ``[bands, fft // 2 + 1]`` float32."""
    with importing("torchaudio", "a mel spectrogram"):
        from torchaudio.functional import melscale_fbanks
    with torch.inference_mode(False), torch.device("cpu"):
        bank = melscale_fbanks(
            convention.fft // 2 + 1,
            convention.low,
            convention.high,
            convention.bands,
            convention.rate,
            norm="slaney",
            mel_scale="slaney",
        )
        return bank.T.contiguous().to(device)
