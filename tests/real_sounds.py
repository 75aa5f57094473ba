"""A handful of real sounds, which are in the public domain."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torch import Tensor

from lumina.audio.reading import read_sound

SOUNDS = Path(__file__).parent / "data/sounds"


@cache
def real_sounds(rate: int = 16_000) -> tuple[Tensor, ...]:
    """``[N]`` each, of 0.4 to 1.7 seconds."""
    return tuple(read_sound(file, rate) for file in sorted(SOUNDS.glob("*.flac")))
