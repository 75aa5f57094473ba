"""Small sounds: a tone each, of a length and a pitch of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


def tone(seconds, pitch=440.0, rate=RATE):
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)


def write_tone(path, seconds, pitch=440.0, rate=RATE):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(seconds, pitch, rate), rate)
    return path


def write_tones(root, seconds, suffix=".wav"):
    """A folder of sounds, each with its caption in a text file."""
    for number, length in enumerate(seconds):
        write_tone(root / f"{number:03}{suffix}", length, 200 + 10 * number)
        (root / f"{number:03}.txt").write_text(f"tone number {number}")
    return root
