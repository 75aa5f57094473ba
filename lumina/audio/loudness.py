"""How loud a sound is made when it is read."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from lumina.errors import importing

Loudness = Literal["none", "peak"] | float
"""As it is; the greatest sample at 1; or LUFS."""

WINDOW = 0.4  # seconds over which BS.1770 measures


def at_loudness(sound: Tensor, rate: int, loudness: Loudness) -> Tensor:
    """Scales ``[N]``; a target in LUFS is missed where a sample would exceed 1. Silence stays silence.

    Raises:
        ValueError: the loudness is unknown.
    """
    require_loudness(loudness)
    if loudness == "none":
        return sound
    peak = float(sound.abs().max()) if len(sound) else 0.0
    if peak == 0:
        return sound
    if loudness == "peak":
        return sound / peak
    level = loudness_of(sound, rate)
    return sound * min(10 ** ((loudness - level) / 20), 1 / peak) if math.isfinite(level) else sound


def within_one(sound: Tensor) -> Tensor:
    """A sound ``[N]``, scaled to a peak of 1 if it exceeds 1."""
    return sound / sound.abs().amax().clamp_min(1)


def require_loudness(loudness: Loudness) -> None:
    """Refuses any other loudness.

    Raises:
        ValueError: it is neither a known name nor a level in LUFS.
    """
    if loudness not in ("none", "peak") and (isinstance(loudness, str) or not -math.inf < loudness <= 0):
        raise ValueError(f'loudness={loudness!r}, expected "none", "peak" or LUFS, such as -23.0')


def loudness_of(sound: Tensor, rate: int) -> float:
    """LUFS (ITU-R BS.1770-4) of ``[N]``; minus infinity for silence. A sound below 0.4 s is measured as a whole."""
    with importing("pyloudnorm", "loudness in LUFS"):
        from pyloudnorm import Meter
    meter = Meter(rate, block_size=min(WINDOW, len(sound) / rate))
    return float(meter.integrated_loudness(sound.double().cpu().numpy()))
