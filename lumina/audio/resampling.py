"""The one resampler: a windowed sinc, by torchaudio."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina.errors import importing

ZEROS, ROLLOFF, BETA = 96, 0.957, 14.769656459379492
"""Zero crossings of the sinc on each side, cut-off as a share of the lower rate's half, shape of the Kaiser window.

The pass band is sox's: noise at 44.1 kHz comes out 52 dB above its difference to sox's at 16 kHz, with torchaudio's
defaults 15 dB.
"""
MOST_PHASES = 640
"""Most output samples until the filter repeats, enough for 11,025 Hz; a rate of more is taken 3e-6 too fast or slow."""
SPARE = 64
"""Blocks of silence behind the sound: torchaudio counts its outputs in float32, which is a few short on long sounds."""


def resample(sound: Tensor, source: int, rate: int) -> Tensor:
    """``[..., N]`` at ``source`` Hz to ``[..., resampled_length(N, source, rate)]`` at ``rate`` Hz."""
    old, new = ratio(source, rate)
    if old == new:
        return sound
    padded = F.pad(sound, (0, SPARE * old))
    return _resampler(old, new, sound.device)(padded)[..., : resampled_length(sound.shape[-1], source, rate)]


def resampled_length(samples: int, source: int, rate: int) -> int:
    """Samples after resampling, rounded up."""
    old, new = ratio(source, rate)
    return -(-samples * new // old)


def ratio(source: int, rate: int) -> tuple[int, int]:
    """Samples before and after which both rates meet again: 441 and 160 for 44.1 to 16 kHz."""
    exact = Fraction(source, rate)
    close = exact.limit_denominator(MOST_PHASES) or exact
    return close.numerator, close.denominator


def context(source: int, rate: int) -> int:
    """Samples before and after a part that decide its resampled values, a multiple of the first of `ratio`."""
    old, new = ratio(source, rate)
    reach = 0 if old == new else -(-ZEROS * old // min(old, new)) * 2  # the cut-off widens the sinc by ROLLOFF
    return -(-reach // old) * old


@lru_cache(maxsize=32)
def _resampler(old: int, new: int, device: torch.device) -> Any:
    with importing("torchaudio", "resampling a sound"):
        from torchaudio.transforms import Resample
    with torch.inference_mode(False), torch.device("cpu"):
        method = "sinc_interp_kaiser"
        made = Resample(old, new, method, lowpass_filter_width=ZEROS, rolloff=ROLLOFF, beta=BETA)
    return made.to(device)
