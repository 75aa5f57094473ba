"""Random clips of music: one phrase of one instrument, or two that follow each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from lumina.music.captions import describe_music, describe_section, in_turn
from lumina.music.drums import PATTERNS, beat
from lumina.music.instruments import DEFAULT, Instrument, with_article
from lumina.music.keys import Key, random_key
from lumina.music.notes import Clip, Note, Part, Segment, in_seconds
from lumina.music.phrases import Setting, styles_of

SLOWEST, FASTEST = 56, 168
"""Beats per minute."""

LOUDNESS = {"soft": (62, 0.2), "medium": (88, 0.45), "loud": (112, 0.85)}
"""By name: the usual velocity of a note, and the peak of the sound."""

UNEVEN = 6  # of the velocity
TAIL = 0.12  # seconds before the end of a segment in which no note begins


class Composer(ABC):
    """Makes clips.

    Attributes:
        labels: all labels that its clips may have.
    """

    labels: Sequence[str]

    @abstractmethod
    def compose(self, random: Random, seconds: float) -> Clip:
        """A clip.

        Args:
            random: source of all its randomness.
            seconds: its length.
        """


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase and what is known of it.

    Attributes:
        instrument: what plays it.
        style: name of the style or of the drum pattern.
        key: None for drums.
        tempo: beats per minute.
        loudness: soft, medium or loud.
        part: the notes.
    """

    instrument: Instrument
    style: str
    key: Key | None
    tempo: int
    loudness: str
    part: Part

    @property
    def peak(self) -> float:
        """Largest absolute sample."""
        return LOUDNESS[self.loudness][1]


def compose_phrase(
    random: Random, instrument: Instrument, seconds: float, tempo: int | None = None, key: Key | None = None
) -> Phrase:
    """A random phrase.

    Args:
        random: source of all randomness.
        instrument: what plays.
        seconds: how long.
        tempo: beats per minute; None = random.
        key: None = random.
    """
    tempo = random_tempo(random) if tempo is None else tempo
    loudness = random.choice(list(LOUDNESS))
    beats = seconds * tempo / 60
    if instrument.drums:
        key, style = None, random.choice(list(PATTERNS))
        notes = list(beat(random, style, beats))
    else:
        key = random_key(random) if key is None else key
        styles = styles_of(instrument)
        style = random.choice(list(styles))
        notes = list(styles[style](random, Setting(key, instrument.low, instrument.high, beats)))
    played = played_at(random, loudness, fitted(in_seconds(notes, tempo), seconds))
    return Phrase(instrument, style, key, tempo, loudness, Part(instrument.program, played, instrument.drums))


@dataclass(frozen=True)
class Phrases(Composer):
    """Clips of one random phrase.

    Args:
        instruments: what may play.
    """

    instruments: tuple[Instrument, ...] = DEFAULT

    @property
    def labels(self) -> Sequence[str]:  # type: ignore[override]
        """The names of the instruments."""
        return [instrument.name for instrument in self.instruments]

    def compose(self, random: Random, seconds: float) -> Clip:
        """A clip of one phrase."""
        phrase = compose_phrase(random, random.choice(self.instruments), seconds)
        who = [phrase.instrument]
        caption = describe_music(random, who, phrase.style, phrase.key, phrase.tempo, phrase.loudness)
        segment = Segment(0.0, seconds, phrase.peak, [phrase.part])
        return Clip(seconds, [segment], caption, [(caption, "all")], facts_of(phrase), phrase.instrument.name)


@dataclass(frozen=True)
class Sections(Phrases):
    """Clips of two phrases, each half of the clip, by two instruments in one key and one tempo.

    Args:
        instruments: what may play; at least two.

    Raises:
        ValueError: there is one instrument alone.
    """

    def __post_init__(self) -> None:
        if len(self.instruments) < 2:
            raise ValueError("Two sections need two instruments or more.")

    def compose(self, random: Random, seconds: float) -> Clip:
        """A clip of two phrases."""
        half, key, tempo = seconds / 2, random_key(random), random_tempo(random)
        pair = random.sample(self.instruments, 2)
        first, second = (compose_phrase(random, instrument, half, tempo, key) for instrument in pair)
        words = [describe_section(random, phrase.instrument, phrase.style) for phrase in (first, second)]
        caption = in_turn(random, *(with_article(one) for one in words))
        segments = [
            Segment(start, half, phrase.peak, [phrase.part]) for start, phrase in ((0.0, first), (half, second))
        ]
        facts = {"first": facts_of(first), "second": facts_of(second)}
        return Clip(seconds, segments, caption, [(words[0], "start"), (words[1], "end")], facts, pair[0].name)


def facts_of(phrase: Phrase) -> dict[str, str | int | None]:
    """What is known of a phrase, as plain data."""
    return {
        "instrument": phrase.instrument.name,
        "style": phrase.style,
        "key": None if phrase.key is None else str(phrase.key),
        "tempo": phrase.tempo,
        "loudness": phrase.loudness,
    }


def random_tempo(random: Random) -> int:
    """Beats per minute, equally likely in proportion."""
    return round(SLOWEST * (FASTEST / SLOWEST) ** random.random())


def fitted(notes: Sequence[Note], seconds: float) -> list[Note]:
    """The notes that begin early enough to be heard, ended before the segment does."""
    last = seconds - TAIL
    return [replace(note, length=min(note.length, seconds - note.start)) for note in notes if note.start < last]


def played_at(random: Random, loudness: str, notes: Sequence[Note]) -> list[Note]:
    """The notes struck as hard as a loudness wants, a little unevenly, as by hand; accents stay."""
    change = LOUDNESS[loudness][0] - LOUDNESS["medium"][0]
    uneven = [note.velocity + change + random.randint(-UNEVEN, UNEVEN) for note in notes]
    return [replace(note, velocity=min(max(hard, 1), 127)) for note, hard in zip(notes, uneven, strict=True)]
