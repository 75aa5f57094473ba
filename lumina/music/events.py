"""Clips of two sound events, one after the other: data for control over time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from lumina.audio.reading import SUFFIXES
from lumina.data.sources.listing import files_below
from lumina.music.captions import together
from lumina.music.composing import Composer
from lumina.music.instruments import with_article
from lumina.music.notes import Clip, Note, Part, Segment

PEAK = 0.6
FADE = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class SoundEvent:
    """A sound event of the soundfont, or of files.

    Attributes:
        name: its class.
        words: what happens, a choice of sentences such as "a bell rings".
        program: General MIDI's number, from 0.
        pitches: MIDI numbers to choose from.
        strikes: how often it may be heard in a row.
        drums: a pitch is a drum of the kit.
        files: recordings to choose from; where there are any, the soundfont is not used.
    """

    name: str
    words: tuple[str, ...]
    program: int = 0
    pitches: Sequence[int] = ()
    strikes: tuple[int, int] = (1, 1)
    drums: bool = False
    files: tuple[Path, ...] = ()

    def content(self, random: Random, seconds: float) -> Sequence[Part] | Path:
        """What is heard in so many seconds."""
        if self.files:
            return random.choice(self.files)
        count, pitch = random.randint(*self.strikes), random.choice(self.pitches)
        each = seconds / count
        notes = [Note(each * number, each * 0.9, pitch, random.randint(90, 115)) for number in range(count)]
        return [Part(self.program, notes, self.drums)]


EVENTS = (
    SoundEvent("bird", ("a bird sings", "a bird chirps", "birdsong is heard"), 123, range(60, 73), (1, 2)),
    SoundEvent("telephone", ("a telephone rings", "a phone is ringing"), 124, range(58, 71), (1, 2)),
    SoundEvent("bell", ("a bell rings", "a large bell is struck"), 14, range(58, 73)),
    SoundEvent("drum", ("a drum is beaten", "someone hits a big drum"), 116, range(40, 56), (2, 5)),
    SoundEvent("applause", ("people applaud", "an audience claps", "there is applause"), 126, range(57, 70)),
    SoundEvent("helicopter", ("a helicopter flies past", "a helicopter is heard"), 125, range(57, 70)),
    SoundEvent("whistle", ("someone whistles", "a whistle is blown"), 78, range(66, 79), (1, 2)),
    SoundEvent("gunshot", ("a gun is fired", "a gunshot is heard"), 127, range(55, 68), (1, 3)),
)
"""Eight of General MIDI that are easy to tell apart."""


@dataclass(frozen=True)
class TwoEvents(Composer):
    """Clips with one event in the first third and another in the last; between them it is silent.

    The plain caption names both, without their order; the structured one says which is at the start and which at the
    end.

    Args:
        events: what may be heard; at least two.

    Raises:
        ValueError: there is one event alone.
    """

    events: tuple[SoundEvent, ...] = field(default=EVENTS)

    def __post_init__(self) -> None:
        if len(self.events) < 2:
            raise ValueError(f"Two events need two classes of sounds or more, got {len(self.events)}.")

    @property
    def labels(self) -> Sequence[str]:  # type: ignore[override]
        """The names of the events."""
        return [event.name for event in self.events]

    def compose(self, random: Random, seconds: float) -> Clip:
        """A clip of two events."""
        pair, third = random.sample(self.events, 2), seconds / 3
        words = [random.choice(event.words) for event in pair]
        segments = [_placed(random, event, start, third) for event, start in zip(pair, (0.0, 2 * third), strict=True)]
        facts = {
            "events": [
                {"class": event.name, "start": round(segment.start, 3), "seconds": round(segment.seconds, 3)}
                for event, segment in zip(pair, segments, strict=True)
            ]
        }
        structured = [(words[0], "start"), (words[1], "end")]
        return Clip(seconds, segments, together(random, words), structured, facts, pair[0].name)  # type: ignore[arg-type]


def events_of(folder: Path) -> tuple[SoundEvent, ...]:
    """Events from the sound files below a folder.

    The class of a file is the name of the folder that it lies in, or else the word that its own name begins with:
    ``dog`` of ``dog/1.wav`` and of ``dog_bark-2.wav``.

    Raises:
        ValueError: there are no sounds.
    """
    files: dict[str, list[Path]] = {}
    for file in files_below(folder) if folder.is_dir() else ():
        if file.lower().endswith(SUFFIXES) and (name := _class_of(Path(file))):
            files.setdefault(name, []).append(folder / file)
    if not files:
        raise ValueError(f"There are no sounds in {folder}: expected files ending in {', '.join(SUFFIXES)}.")
    return tuple(
        SoundEvent(name, (f"the sound of {with_article(name)}", with_article(name)), files=tuple(paths))
        for name, paths in sorted(files.items())
    )


def _class_of(file: Path) -> str:
    name = file.parent.name or re.split(r"[-_. 0-9]", file.name)[0]
    return name.replace("_", " ").strip().lower()


def _placed(random: Random, event: SoundEvent, start: float, third: float) -> Segment:
    """The event within a third of the clip."""
    seconds = third * random.uniform(0.75, 0.95)
    late = random.uniform(0, third - seconds)
    return Segment(start + late, seconds, PEAK, event.content(random, seconds), min(FADE, seconds / 4))
