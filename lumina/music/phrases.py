"""Random phrases in a key: melodies, arpeggios, chords, scales and bass lines. Times are in beats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from lumina.music.instruments import Instrument
from lumina.music.keys import Key
from lumina.music.notes import Note

BAR = 4.0  # beats
PROGRESSIONS = ((0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 3, 4), (0, 3, 0, 4), (0, 5, 2, 6))
"""Degrees of the scale on which the chords of four bars stand."""

RHYTHMS = ((1.0, 1.0), (1.5, 0.5), (1.0, 0.5, 0.5), (0.5, 0.5, 1.0), (0.5, 0.5, 0.5, 0.5), (2.0,))
"""Lengths of the notes of half a bar."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a phrase is written for.

    Attributes:
        key: its key.
        low: lowest MIDI number.
        high: highest MIDI number.
        beats: its length.
    """

    key: Key
    low: int
    high: int
    beats: float

    def pitch(self, degree: int) -> int:
        """The MIDI number of a degree of the scale, brought into the range by octaves."""
        pitch = self.key.pitch(degree, self.low)
        while pitch > self.high:
            pitch -= 12
        return pitch if pitch >= self.low else pitch + 12


Style = Callable[[Random, Setting], Iterator[Note]]


def melody(random: Random, setting: Setting) -> Iterator[Note]:
    """Steps and small leaps in varied rhythm, on a chord's note at each half bar."""
    start, degree = 0.0, random.choice((0, 2, 4, 7))
    while start < setting.beats:
        for length in random.choice(RHYTHMS):
            yield Note(start, length * 0.95, setting.pitch(degree))
            start += length
            degree = min(max(degree + random.choice((-2, -1, -1, 1, 1, 2)), -3), 11)
        degree = min((0, 2, 4, 7, 9), key=lambda chordal: abs(chordal - degree))


def arpeggio(random: Random, setting: Setting) -> Iterator[Note]:
    """The notes of one chord a bar, one after the other in eighths."""
    order = random.choice(((0, 2, 4, 7, 4, 2), (0, 2, 4, 7), (7, 4, 2, 0), (0, 4, 2, 4)))
    for start, root in _bars(random, setting):
        for eighth in range(8):
            yield Note(start + eighth / 2, 0.5, setting.pitch(root + order[eighth % len(order)]))


def chords(random: Random, setting: Setting) -> Iterator[Note]:
    """Three notes at once, in one rhythm for all bars."""
    rhythm = random.choice(((2.0, 2.0), (1.0, 1.0, 1.0, 1.0), (1.5, 1.5, 1.0), (4.0,)))
    for start, root in _bars(random, setting):
        place = start
        for length in rhythm:
            for step in (0, 2, 4):
                yield Note(place, length * 0.95, setting.pitch(root + step), 84)
            place += length


def scale(random: Random, setting: Setting) -> Iterator[Note]:
    """Up and down the scale, over an octave or more, in eighths."""
    top = random.choice((7, 9, 11))
    way = [*range(top + 1), *range(top - 1, 0, -1)]
    if random.random() < 0.5:
        way = way[top:] + way[:top]
    for number in range(int(setting.beats * 2)):
        yield Note(number / 2, 0.48, setting.pitch(way[number % len(way)]))


def walking_bass(random: Random, setting: Setting) -> Iterator[Note]:
    """A note a beat: the chord's, then one that leads to the next chord."""
    for start, root in _bars(random, setting):
        walk = (root, root + random.choice((2, 1)), root + 4, root + random.choice((5, 3, 1)))
        for beat, degree in enumerate(walk):
            yield Note(start + beat, 0.9, setting.pitch(degree))


def riff(random: Random, setting: Setting) -> Iterator[Note]:
    """One bar of eighths and rests, repeated."""
    pattern = [(0, 0)] + [(eighth, random.choice((0, 0, 2, 4, 7))) for eighth in range(1, 8) if random.random() < 0.65]
    for bar in range(int(-(-setting.beats // BAR))):
        for eighth, degree in pattern:
            yield Note(bar * BAR + eighth / 2, 0.45, setting.pitch(degree))


def styles_of(instrument: Instrument) -> dict[str, Style]:
    """The styles that an instrument plays, by name."""
    if instrument.bass:
        return {"walking bass": walking_bass, "riff": riff, "arpeggio": arpeggio}
    styles: dict[str, Style] = {"melody": melody, "arpeggio": arpeggio, "scale": scale}
    return {**styles, "chords": chords} if instrument.chords else styles


def _bars(random: Random, setting: Setting) -> Iterator[tuple[float, int]]:
    """The beginning of each bar, and the degree of its chord."""
    progression = random.choice(PROGRESSIONS)
    for bar in range(int(-(-setting.beats // BAR))):
        yield bar * BAR, progression[bar % len(progression)]
