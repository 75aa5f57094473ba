"""``lumina synthesize``: renders captioned music or sound events with a soundfont."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lumina.config.locate import locate
from lumina.config.parser import ShortErrorParser
from lumina.data.holdout import held_out, require_share
from lumina.data.sources.listing import files_below
from lumina.files.folders import require_free
from lumina.music.composing import Composer
from lumina.music.events import EVENTS, events_of
from lumina.music.folder import SETTINGS, Format, SoundFolder
from lumina.music.instruments import Instrument, find_instruments
from lumina.music.recipes import SPLITS, Content, Durations, Mixed, Recipe, composer_of
from lumina.music.scores import SUFFIXES, Excerpts, corpus_files
from lumina.music.soundfonts import find_soundfont
from lumina.music.synthesizer import Synthesizer
from lumina.values import Split

RATES = (8_000, 192_000)
SCORES = "scores"
Kind = Literal[Content, "scores"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to render.

    Args:
        content: any of: phrases = one random phrase of one instrument; sections = two, one after the other; events =
            two sound events, one in the first third and one in the last; scores = excerpts of scores. None = scores if
            there are some, else phrases.
        count: clips in all.
        seconds: length of a clip, or of the shortest.
        longest: length of the longest clip; None = all have one length.
        step: seconds from a length to the next.
        instruments: their names, [piano,violin,drums] say, here or in General MIDI; None = twelve of different kinds.
        scores: MIDI, MusicXML, ABC or Humdrum files, or folders of them.
        corpus: composers or collections of music21's corpus of scores, [bach,ryansMammoth] say.
        sounds: folder of sound files to take the events from; the class of a file is its folder, or the first word of
            its name. None = eight events of the soundfont.
        soundfont: a .sf2 or .sf3 file; None = FluidR3 of Debian's fluidr3mono-gm-soundfont if it is installed, else
            TimGM6mb, which comes with pretty_midi.
        rate: samples per second.
        format: of the files.
        validation: share of the clips; they share no random numbers, and no score, with those for training.
        test: share of the clips.
        seed: of everything random.
    """

    content: list[Kind] | Kind | None = None
    count: int = 1000
    seconds: float = 4.0
    longest: float | None = None
    step: float = 0.5
    instruments: list[str] | str | None = None
    scores: list[Path] | Path | None = None
    corpus: list[str] | str | None = None
    sounds: Path | None = None
    soundfont: Path | None = None
    rate: int = 16_000
    format: Format = "flac"
    validation: float = 0.05
    test: float = 0.05
    seed: int = 0


def main(arguments: list[str]) -> None:
    """Parses the output and the options, and renders."""
    parser = ShortErrorParser(prog="lumina synthesize", description=(synthesize.__doc__ or "").partition("Args:")[0])
    parser.add_argument("output", type=Path, help="the folder to write to; new, empty, or an interrupted run's")
    parser.add_class_arguments(Order, as_positional=False)
    options = vars(parser.instantiate(parser.parse_args(arguments)))
    synthesize(options.pop("output"), Order(**options))


def synthesize(output: Path, order: Order) -> None:
    """Renders captioned clips into a folder for datamodules.audio_text.AudioText.

    Each clip comes with a caption that says instrument, key, tempo and style in varied wording, a structured caption,
    and what it is as plain data, in the metadata.jsonl of its split. The same seed, soundfont and version of
    tinysoundfont give the same files. An interrupted run continues where it stopped.

    Args:
        output: the folder to write to; new, empty, or an interrupted run's.
        order: what to render.

    Raises:
        ValueError: a number is out of its range, or the folder holds something else.
    """
    if not (output / SETTINGS).is_file():
        require_free(output)
    files = score_files(as_list(order.scores), as_list(order.corpus))
    contents = as_list(order.content) or [SCORES if files else "phrases"]
    if bool(files) != (SCORES in contents):
        raise ValueError("scores go with the content scores: name both --scores or --corpus and --content, or neither.")
    counts = split_counts(order.count, order.validation, order.test)
    if not RATES[0] <= order.rate <= RATES[1]:
        raise ValueError(f"Got rate {order.rate}: set {RATES[0]} to {RATES[1]} samples per second.")
    durations = Durations(order.seconds, order.longest, order.step)
    players = find_instruments(as_list(order.instruments) or None)
    if order.sounds is not None and "events" not in contents:
        raise ValueError("sounds are for events: add --content=events.")
    events = EVENTS if order.sounds is None else events_of(locate(order.sounds))
    kinds = [kind for kind in contents if kind != SCORES]
    random = composer_of(kinds, players, events) if kinds else None
    composers = composers_of(random, players, files, counts, (order.validation, order.test))
    settings = {
        "content": contents,
        "seconds": [order.seconds, order.longest, order.step],
        "instruments": [player.name for player in players],
        "events": [event.name for event in events],
        "scores": [file.name for file in files],
        "seed": order.seed,
    }
    synth = Synthesizer(find_soundfont(order.soundfont), order.rate)
    print(f"soundfont: {synth.soundfont}")
    folder = SoundFolder(output, Recipe(composers, durations, order.seed), counts, order.format, settings)
    _render(folder, synth)


def _render(folder: SoundFolder, synth: Synthesizer) -> None:
    """Writes the folder, and says what it holds and how fast that went."""
    begin = time.perf_counter()
    rendered = folder.write(synth)
    speed = rendered / (time.perf_counter() - begin)
    print("".join(f"{split}: {number:,} clips\n" for split, number in folder.counts.items()), end="")
    said = f"{rendered:,} clips rendered, {speed:.0f} a second" if rendered else "complete already"
    print(f"{folder.path}: {said}")


def as_list(value: Any) -> list[Any]:
    """An option that is a list, one value, or None."""
    return [] if value is None else value if isinstance(value, list) else [value]


def split_counts(count: int, validation: float, test: float) -> dict[Split, int]:
    """Clips of each split that has some.

    Raises:
        ValueError: there would be none for training, or a share is out of its range.
    """
    require_share(validation)
    require_share(test)
    counts = dict(zip(SPLITS, (count, round(count * validation), round(count * test)), strict=True))
    counts["train"] -= counts["validation"] + counts["test"]
    if counts["train"] < 1:
        raise ValueError(f"Got {count} clips, {counts['train']} of them for training: ask for more, or smaller shares.")
    return {split: number for split, number in counts.items() if number}


def score_files(paths: Sequence[Path], corpus: Sequence[str]) -> list[Path]:
    """The scores in files, folders and collections.

    Raises:
        ValueError: a path or a collection has none.
    """
    files = [file for path in paths for file in _below(locate(path))]
    return files + [file for name in corpus for file in corpus_files(name)]


def composers_of(
    random: Composer | None,
    instruments: tuple[Instrument, ...],
    files: Sequence[Path],
    counts: Mapping[Split, int],
    shares: tuple[float, float],
) -> Mapping[Split, Composer]:
    """The composer of each split; no score is in two splits.

    Args:
        random: composer of random clips; None = there are scores alone.
        instruments: what may play scores.
        files: the scores; where there are some, they are mixed with ``random``.
        counts: clips of each split.
        shares: of the scores for validation and for the test.
    """
    if not files and random is not None:
        return dict.fromkeys(counts, random)
    parts = _parts(files, counts, shares)
    excerpts = {split: Excerpts(tuple(parts[split]), instruments) for split in counts}
    return excerpts if random is None else {split: Mixed([random, excerpts[split]]) for split in counts}


def _parts(files: Sequence[Path], counts: Mapping[Split, int], shares: tuple[float, float]) -> dict[Split, list[Path]]:
    """The scores of each split, by the hashes of their names."""
    left, parts = list(files), dict[Split, list[Path]]()
    for split, share in zip(SPLITS[1:], shares, strict=True):
        if split in counts:
            chosen = held_out([file.name for file in left], share * len(files) / len(left))
            parts[split] = [file for file, held in zip(left, chosen, strict=True) if held]
            left = [file for file, held in zip(left, chosen, strict=True) if not held]
    if not all(parts.values()) or not left:
        raise ValueError(
            f"{len(files)} scores are too few for {len(counts)} splits: name more, or set --validation=0 and --test=0."
        )
    return {**parts, "train": left}


def _below(path: Path) -> list[Path]:
    files = [path] if path.is_file() else [path / file for file in files_below(path)] if path.is_dir() else []
    found = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not found:
        raise ValueError(f"There are no scores at {path}: expected files ending in {', '.join(SUFFIXES)}.")
    return found
