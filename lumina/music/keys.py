"""Musical keys: their names, their scales, and the key that notes are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

import numpy as np

from lumina.music.notes import Note

Mode = Literal["major", "minor"]

TONICS = ("C", "D flat", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
SCALES: dict[Mode, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
"""Semitones above the tonic."""

PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""How much of each semitone above the tonic a listener expects (Krumhansl and Kessler, 1982)."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key.

    Attributes:
        tonic: semitones above C, 0 to 11.
        mode: major or (natural) minor.
    """

    tonic: int
    mode: Mode

    def __str__(self) -> str:
        return f"{TONICS[self.tonic]} {self.mode}"

    def pitch(self, degree: int, low: int) -> int:
        """The MIDI number of a degree of the scale.

        Args:
            degree: 0 = the first tonic that is not below ``low``; 7 = an octave above it; may be negative.
            low: a MIDI number.
        """
        octave, step = divmod(degree, 7)
        return low + (self.tonic - low) % 12 + 12 * octave + SCALES[self.mode][step]


def random_key(random: Random) -> Key:
    """One of the 24 keys."""
    return Key(random.randrange(12), random.choice(("major", "minor")))


def estimate_key(notes: Sequence[Note]) -> Key:
    """The key whose profile correlates most with how long each pitch class sounds (Krumhansl and Schmuckler).

    Raises:
        ValueError: there are no notes.
    """
    if not notes:
        raise ValueError("a key needs at least one note.")
    held = np.zeros(12)
    for note in notes:
        held[note.pitch % 12] += note.length
    keys = [Key(tonic, mode) for mode in SCALES for tonic in range(12)]
    held -= held.mean()
    fits = [held @ (np.roll(PROFILES[key.mode], key.tonic) - np.mean(PROFILES[key.mode])) / _norm(key) for key in keys]
    return keys[int(np.argmax(fits))]


def _norm(key: Key) -> float:
    return float(np.std(PROFILES[key.mode]))
