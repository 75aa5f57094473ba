"""Instruments of General MIDI, with the names that captions use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumina.errors import importing


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument.

    Attributes:
        name: as captions say it.
        program: General MIDI's number, from 0; for drums, that of the drum kit.
        low: lowest MIDI number that phrases use.
        high: highest MIDI number that phrases use.
        chords: it plays several notes at once.
        bass: it plays bass lines.
        drums: it is a drum kit.
        sung: it is played by nobody: it sings.
    """

    name: str
    program: int
    low: int = 55
    high: int = 84
    chords: bool = False
    bass: bool = False
    drums: bool = False
    sung: bool = False

    @property
    def with_article(self) -> str:
        """The name as a part of a sentence: "a violin", "drums"."""
        several = self.name.endswith("s") and not self.name.endswith("ss")
        return self.name if several else with_article(self.name)


DEFAULT = (
    Instrument("piano", 0, 48, 84, chords=True),
    Instrument("marimba", 12, 48, 84),
    Instrument("church organ", 19, 48, 79, chords=True),
    Instrument("guitar", 24, 45, 76, chords=True),
    Instrument("synth bass", 38, 28, 52, bass=True),
    Instrument("violin", 40, 55, 88),
    Instrument("harp", 46, 48, 88, chords=True),
    Instrument("choir", 52, 48, 76, chords=True, sung=True),
    Instrument("trumpet", 56, 55, 82),
    Instrument("flute", 73, 62, 93),
    Instrument("sitar", 104, 48, 76),
    Instrument("drums", 0, drums=True),
)
"""Twelve that are easy to tell apart."""

OTHERS = (
    Instrument("electric piano", 4, 48, 84, chords=True),
    Instrument("harpsichord", 6, 48, 84, chords=True),
    Instrument("glockenspiel", 9, 72, 100),
    Instrument("music box", 10, 60, 96),
    Instrument("vibraphone", 11, 53, 84),
    Instrument("xylophone", 13, 60, 96),
    Instrument("accordion", 21, 53, 84, chords=True),
    Instrument("electric guitar", 27, 45, 80, chords=True),
    Instrument("distorted guitar", 30, 40, 72),
    Instrument("double bass", 32, 28, 52, bass=True),
    Instrument("electric bass", 33, 28, 52, bass=True),
    Instrument("cello", 42, 36, 69),
    Instrument("strings", 48, 48, 84, chords=True),
    Instrument("tuba", 58, 29, 55, bass=True),
    Instrument("saxophone", 66, 44, 75),
    Instrument("oboe", 68, 58, 86),
    Instrument("clarinet", 71, 52, 84),
    Instrument("recorder", 74, 65, 93),
    Instrument("pan flute", 75, 60, 88),
    Instrument("synth lead", 81, 55, 88),
    Instrument("synth pad", 89, 48, 79, chords=True),
    Instrument("banjo", 105, 48, 79),
    Instrument("bagpipe", 109, 57, 78),
    Instrument("steel drums", 114, 60, 86),
)
BASSES = range(32, 40)

NAMED = {instrument.name: instrument for instrument in (*DEFAULT, *OTHERS)}


def find_instruments(names: Sequence[str] | None) -> tuple[Instrument, ...]:
    """Instruments by their names here or General MIDI's, or by General MIDI's number; None = the default ones.

    Raises:
        ValueError: there is no such instrument, or one is named twice.
    """
    if names is None:
        return DEFAULT
    found = tuple(_find(name.strip().lower()) for name in names)
    if len(set(found)) < len(found) or not found:
        raise ValueError(f"Got instruments {', '.join(names) or 'none'}: name at least one, and each once.")
    return found


def instrument_of(program: int, drums: bool = False) -> Instrument:
    """The instrument with a number of General MIDI."""
    known = [one for one in NAMED.values() if one.drums == drums and (drums or one.program == program)]
    if known:
        return known[0]
    with importing("pretty_midi", "naming an instrument of General MIDI"):
        from pretty_midi import program_to_instrument_name
    name = program_to_instrument_name(program).lower()
    return Instrument(name, program, 28, 52, bass=True) if program in BASSES else Instrument(name, program)


def with_article(words: str) -> str:
    """The words behind "a" or "an"; a word that begins with u has "a", as "a unison"."""
    return f"{'an' if words[0].lower() in 'aeio' else 'a'} {words}"


def _find(name: str) -> Instrument:
    if name in NAMED:
        return NAMED[name]
    if name.isdecimal() and int(name) < 128:
        return instrument_of(int(name))
    with importing("pretty_midi", "naming an instrument of General MIDI"):
        from pretty_midi.constants import INSTRUMENT_MAP
    numbers = {other.lower(): number for number, other in enumerate(INSTRUMENT_MAP)}
    if name not in numbers:
        raise ValueError(f"There is no instrument {name!r}: choose from {', '.join(NAMED)}, or a name of General MIDI.")
    return instrument_of(numbers[name])
