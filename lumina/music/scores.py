"""Scores: MIDI files, whatever else music21 reads, and clips that are excerpts of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from lumina.errors import CorruptSample, importing
from lumina.files.zip_file import check_archive
from lumina.music.captions import describe_music
from lumina.music.composing import LOUDNESS, Composer, fitted, random_tempo
from lumina.music.instruments import DEFAULT, Instrument, instrument_of
from lumina.music.keys import estimate_key
from lumina.music.notes import Clip, Note, Part, Segment, in_seconds

MIDI = (".mid", ".midi", ".kar")
OTHER = (".mxl", ".musicxml", ".xml", ".abc", ".krn")
SUFFIXES = (*MIDI, *OTHER)
MOST_INSTRUMENTS = 15  # channels of MIDI beside that of the drums
TRIES = 20
FEWEST = 4  # notes of an excerpt


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a score.

    Attributes:
        notes: in beats.
        program: General MIDI's number; None = the score does not say what plays.
        drums: the notes are drums.
    """

    notes: Sequence[Note]
    program: int | None = None
    drums: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """A score.

    Attributes:
        lines: its parts that have notes.
        tempos: beat and beats per minute of each change of the tempo, the first at 0; empty = the score has none.
    """

    lines: Sequence[Line]
    tempos: Sequence[tuple[float, float]]

    @property
    def beats(self) -> float:
        """Where its last note begins."""
        return max(note.start for line in self.lines for note in line.notes)

    def tempo_at(self, beat: float) -> float | None:
        """Beats per minute at a beat; None = the score does not say."""
        return next((tempo for start, tempo in reversed(self.tempos) if start <= beat), None)


@cache
def read_score(path: Path) -> Score:
    """Reads a score.

    Raises:
        CorruptSample: it cannot be read, or has no notes; names the file.
        ImportError: the package that reads it is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise CorruptSample(path, f"it is no score: expected a file ending in {', '.join(SUFFIXES)}")
    score = _read_midi(path) if path.suffix.lower() in MIDI else _read_other(path)
    if not score.lines:
        raise CorruptSample(path, "it has no notes")
    programs = {line.program for line in score.lines if not line.drums}
    if len(programs) > MOST_INSTRUMENTS:
        raise CorruptSample(path, f"it has {len(programs)} instruments, of which at most {MOST_INSTRUMENTS} can sound")
    return score


def corpus_files(collection: str) -> list[Path]:
    """The scores of a composer or collection in music21's corpus, as ``bach`` or ``ryansMammoth``.

    Raises:
        ValueError: there are none.
    """
    with importing("music21", "the corpus of scores"):
        from music21 import corpus
    files = sorted(Path(path) for path in corpus.getComposer(collection))
    if not files:
        raise ValueError(
            f"music21's corpus has no {collection!r}: name a composer or collection of it, bach or ryansMammoth say."
        )
    return [file for file in files if file.suffix.lower() in SUFFIXES]


@dataclass(frozen=True)
class Excerpts(Composer):
    """Clips that are excerpts of scores.

    A MIDI file names its instruments; where a score does not, one of ``instruments`` plays all of it. The key is
    estimated from the notes that are heard; a score without a tempo gets a random one.

    Args:
        files: the scores.
        instruments: what may play a score that does not say what plays.
    """

    files: tuple[Path, ...]
    instruments: tuple[Instrument, ...] = DEFAULT

    @property
    def labels(self) -> Sequence[str]:  # type: ignore[override]
        """The names of the instruments that may be drawn."""
        return [instrument.name for instrument in self.instruments if not instrument.drums]

    def compose(self, random: Random, seconds: float) -> Clip:
        """An excerpt of one of the scores. Those that cannot be read are left out, with a warning that names them.

        Raises:
            ValueError: none of many can be read.
        """
        file, score = self._draw(random)
        drawn = random.choice([instrument for instrument in self.instruments if not instrument.drums])
        parts, tempo = _excerpt(random, score, drawn, seconds)
        pitched = [note for part in parts if not part.drums for note in part.notes]
        key = estimate_key(pitched) if pitched else None
        players = list(dict.fromkeys(_player(part, drawn) for part in parts))
        loudness = random.choice(list(LOUDNESS))
        caption = describe_music(random, players, "piece", key, round(tempo), loudness)
        facts = {
            "instrument": ", ".join(player.name for player in players),
            "style": "piece",
            "key": None if key is None else str(key),
            "tempo": round(tempo),
            "loudness": loudness,
            "score": file.name,
        }
        segment = Segment(0.0, seconds, LOUDNESS[loudness][1], parts)
        return Clip(seconds, [segment], caption, [(caption, "all")], facts, players[0].name)

    def _draw(self, random: Random) -> tuple[Path, Score]:
        drawn = random.sample(self.files, min(TRIES, len(self.files)))
        for file in drawn:
            try:
                return file, read_score(file)
            except CorruptSample as error:
                warnings.warn(f"left out: {error}", stacklevel=2)
        raise ValueError(f"None of {len(drawn)} scores can be read; the first is {drawn[0]}.")


def _excerpt(random: Random, score: Score, drawn: Instrument, seconds: float) -> tuple[list[Part], float]:
    """Parts that begin on a beat of the score, and the tempo; of several places the first with enough notes."""
    own, shift = random_tempo(random), _octaves(score, drawn)
    fullest: tuple[int, list[Part], float] = (-1, [], float(own))
    for _ in range(TRIES):
        start = float(random.randint(0, max(0, int(score.beats - seconds * own / 120))))
        tempo = score.tempo_at(start) or float(own)
        parts = [_cut(line, start, tempo, drawn.program, seconds, shift) for line in score.lines]
        parts = _merged([part for part in parts if part.notes])
        count = sum(len(part.notes) for part in parts)
        if count > fullest[0]:
            fullest = (count, parts, tempo)
        if count >= FEWEST:
            break
    return fullest[1], fullest[2]


def _octaves(score: Score, drawn: Instrument) -> int:
    """Semitones, whole octaves, that bring what the drawn instrument plays into its range."""
    pitches = [note.pitch for line in score.lines if line.program is None for note in line.notes]
    return 12 * round(((drawn.low + drawn.high) / 2 - median(pitches)) / 12) if pitches else 0


def _cut(line: Line, start: float, tempo: float, program: int, seconds: float, shift: int) -> Part:
    notes = [replace(note, start=note.start - start) for note in line.notes if note.start >= start]
    played = fitted(in_seconds(notes, tempo), seconds)
    if line.program is not None:
        return Part(line.program, played, line.drums)
    return Part(program, [replace(note, pitch=min(max(note.pitch + shift, 0), 127)) for note in played])


def _merged(parts: Sequence[Part]) -> list[Part]:
    """One part of each instrument: a synthesizer has few channels."""
    merged: dict[tuple[int, bool], list[Note]] = {}
    for part in parts:
        merged.setdefault((part.program, part.drums), []).extend(part.notes)
    return [Part(program, sorted(notes, key=_place), drums) for (program, drums), notes in merged.items()]


def _place(note: Note) -> tuple[float, int]:
    return note.start, note.pitch


def _player(part: Part, drawn: Instrument) -> Instrument:
    return drawn if part.program == drawn.program and not part.drums else instrument_of(part.program, part.drums)


def _read_midi(path: Path) -> Score:
    with importing("pretty_midi", "reading MIDI files"):
        import pretty_midi
    try:
        midi = pretty_midi.PrettyMIDI(str(path))
        ticks = midi.resolution
        lines = [
            Line(
                [
                    Note(
                        midi.time_to_tick(note.start) / ticks,
                        (midi.time_to_tick(note.end) - midi.time_to_tick(note.start)) / ticks,
                        note.pitch,
                        note.velocity,
                    )
                    for note in part.notes
                ],
                0 if part.is_drum else part.program,
                part.is_drum,
            )
            for part in midi.instruments
            if part.notes
        ]
        times, tempos = midi.get_tempo_changes()
        return Score(lines, [(midi.time_to_tick(at) / ticks, tempo) for at, tempo in zip(times, tempos, strict=True)])
    except Exception as error:  # mido and pretty_midi raise a dozen kinds for broken files
        raise CorruptSample(path, f"it cannot be read as a MIDI file ({error or type(error).__name__})") from error


def _read_other(path: Path) -> Score:
    with importing("music21", "reading scores"):
        import music21
    try:
        check_archive(path)
        # forceSource: music21 would unpickle whatever lies under the score's name in a folder that all users share
        score: Any = music21.converter.parse(path, forceSource=True)
    except Exception as error:  # of as many kinds as there are formats
        raise CorruptSample(path, f"music21 cannot read it as a score ({error or type(error).__name__})") from error
    parts = list(score.parts) or [score]
    lines = [Line(_notes_of(part.stripTies())) for part in parts]
    marks = [
        (float(mark.offset), float(tempo))
        for mark in score.flatten().getElementsByClass("MetronomeMark")
        if (tempo := mark.getQuarterBPM())
    ]
    return Score([line for line in lines if line.notes], marks)


def _notes_of(part: Any) -> list[Note]:
    return [
        Note(float(element.offset), float(element.quarterLength), pitch.midi)
        for element in part.flatten().notes
        if element.quarterLength > 0
        for pitch in element.pitches
    ]
