"""Drum patterns, as strings of steps, with random fills. Times are in beats."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from lumina.music.notes import Note

KICK, RIM, SNARE, CLAP, CLOSED_HAT, OPEN_HAT, RIDE, TAMBOURINE = 36, 37, 38, 39, 42, 46, 51, 54
TOMS = (50, 48, 47, 45)

PATTERNS: dict[str, dict[int, str]] = {
    "rock beat": {KICK: "x.......x.x.....", SNARE: "....x.......x...", CLOSED_HAT: "x.x.x.x.x.x.x.x."},
    "disco beat": {KICK: "x...x...x...x...", CLAP: "....x.......x...", OPEN_HAT: "..x...x...x...x."},
    "shuffle": {KICK: "x.....x.....", SNARE: "...x.....x..", RIDE: "x.xx.xx.xx.x"},
    "bossa nova": {KICK: "x.....x.x.....x.", RIM: "x..x..x...x..x..", CLOSED_HAT: "x.x.x.x.x.x.x.x."},
    "march": {KICK: "x.......x.......", SNARE: "x..xx.x.x.xxx.x."},
    "breakbeat": {KICK: "x.x.......xx....", SNARE: "....x..x.x..x..x", CLOSED_HAT: "x.x.x.x.x.x.x.x."},
    "tambourine groove": {KICK: "x.....x...x.....", TAMBOURINE: "x.xxx.xxx.xxx.xx", SNARE: "....x.......x..."},
}
"""By name: for each drum, the steps of a bar on which it is struck."""


def beat(random: Random, name: str, beats: float) -> Iterator[Note]:
    """Repeats a pattern for a number of beats; one bar in four may end with a fill on the toms.

    Args:
        random: source of the fills.
        name: of the pattern.
        beats: length.
    """
    for bar in range(int(-(-beats // 4))):
        fill = bar % 4 == 3 and random.random() < 0.5
        for drum, steps in PATTERNS[name].items():
            for place, step in enumerate(steps):
                start = place * 4 / len(steps)
                if step == "x" and not (fill and start >= 3):
                    accent = 14 if start % 1 == 0 else 0
                    yield Note(bar * 4 + start, 0.2, drum, 80 + accent)
        if fill:
            yield from (Note(bar * 4 + 3 + number / 4, 0.2, drum, 100) for number, drum in enumerate(TOMS))
