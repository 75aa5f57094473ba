"""What is played: notes of parts, in segments of a clip that says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumina.text.structured import Event, write


@dataclass(frozen=True, slots=True)
class Note:
    """A note.

    Attributes:
        start: when it begins; seconds, or beats before a tempo is chosen.
        length: how long it is held, in the same unit.
        pitch: its MIDI number; 69 is the A of 440 Hz. For drums, the number of the drum.
        velocity: how hard it is struck, 1 to 127.
    """

    start: float
    length: float
    pitch: int
    velocity: int = 96


@dataclass(frozen=True, slots=True)
class Part:
    """The notes of one instrument.

    Attributes:
        program: General MIDI's number of the instrument, from 0; for drums, that of the drum kit.
        notes: in seconds from the beginning of the segment.
        drums: a pitch is not a pitch but a drum of the kit.
    """

    program: int
    notes: Sequence[Note]
    drums: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a clip, silent outside of it.

    Attributes:
        start: where it begins in the clip, in seconds.
        seconds: its length.
        peak: largest absolute sample.
        content: parts to be rendered, or a file of sound.
        fade: seconds over which its end fades out.
    """

    start: float
    seconds: float
    peak: float
    content: Sequence[Part] | Path
    fade: float = 0.02


@dataclass(frozen=True, slots=True)
class Clip:
    """A sound to be rendered, and what is known of it.

    Attributes:
        seconds: its length.
        segments: what is heard.
        caption: what it is, in words.
        events: descriptions of what is heard when, for a structured caption.
        facts: what it is, as plain data: instrument, key, tempo, style, ...
        label: its class, an instrument or an event; of two, that of the first.
    """

    seconds: float
    segments: Sequence[Segment]
    caption: str
    events: Sequence[Event]
    facts: Mapping[str, Any]
    label: str

    @property
    def structured(self) -> str:
        """The structured caption."""
        return write(self.events)


def in_seconds(notes: Sequence[Note], tempo: float) -> list[Note]:
    """Notes in beats as notes in seconds, at ``tempo`` beats per minute."""
    beat = 60 / tempo
    return [Note(note.start * beat, note.length * beat, note.pitch, note.velocity) for note in notes]
