"""What users may ask of a sound: how long it is, from what it starts, what of that stays."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lumina.audio.reading import read_header, read_sound
from lumina.errors import CorruptSample

SHORTEST, LONGEST = 0.5, 60.0  # seconds of a sample
LEAST_KEPT = 0.25  # seconds of a part that stays; a model sees little of a shorter one
ROUNDING = 1e-3  # seconds by which a part may pass the end, since users round

Keep = tuple[tuple[float, float], ...]
"""Starts and ends in seconds, ascending and apart; an infinite end is that of the sound."""


def parse_seconds(seconds: float) -> float:
    """A length.

    Raises:
        ValueError: it is too short or too long, or no number.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"seconds={seconds:g} must be at least {SHORTEST:g} and at most {LONGEST:g}.")
    return seconds


def parse_strength(strength: float) -> float:
    """How much is redrawn.

    Raises:
        ValueError: it is outside 0 to 1, or no number.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength={strength:g} must be at least 0 (nothing is redrawn) and at most 1 (all is).")
    return strength


def parse_sound(path: Path) -> Path:
    """A file of a sound, of which as much is read as a sample may have.

    Raises:
        ValueError: it cannot be read.
    """
    with _named():
        read_sound(path, read_header(path).rate, seconds=LONGEST)
    return path


def length_of(path: Path) -> float:
    """Seconds of a file, of which only the header is read.

    Raises:
        ValueError: it cannot be read.
    """
    with _named():
        return read_header(path).seconds


@contextmanager
def _named() -> Iterator[None]:
    """Tells which option an unreadable file was given to."""
    try:
        yield
    except CorruptSample as error:
        raise ValueError(f"--audio cannot be read: {error}") from error


def parse_keep(text: str) -> Keep:
    """``START:END`` in seconds, several between commas; a missing start is 0, a missing end that of the sound.

    Raises:
        ValueError: for anything else, and for parts that are too short.
    """
    joined: list[tuple[float, float]] = []
    for start, end in sorted(_part(part.strip(), text) for part in text.split(",")):
        if joined and start <= joined[-1][1]:
            start, end = joined[-1][0], max(end, joined.pop()[1])
        joined.append((start, end))
    return tuple(joined)


def show_keep(keep: Keep) -> str:
    """In the form that `parse_keep` reads."""
    return ",".join(f"{start:g}:{'' if math.isinf(end) else f'{end:g}'}" for start, end in keep)


def in_samples(keep: Keep, rate: int, samples: int) -> list[tuple[int, int]]:
    """Starts and ends in samples of a sound that has ``samples`` of them."""
    ends = [samples if math.isinf(end) else min(round(end * rate), samples) for _, end in keep]
    return [(round(start * rate), end) for (start, _), end in zip(keep, ends, strict=True)]


def wanted_seconds(request: Mapping[str, Any], trained: float) -> float:
    """How long a sample is: as asked, or as the sound that it starts from, or as in training."""
    if "seconds" in request:
        return float(request["seconds"])
    return length_of(request["audio"]) if "audio" in request else trained


def check_together(request: Mapping[str, Any]) -> None:
    """Refuses wishes that do not go together.

    Args:
        request: perhaps with seconds, audio, keep, strength.

    Raises:
        ValueError: naming them.
    """
    path, keep, strength = (request.get(name) for name in ("audio", "keep", "strength"))
    if path is None:
        if keep is not None or strength is not None:
            raise ValueError("--keep and --strength need a sound: give --audio.")
        return
    own, wanted = length_of(path), wanted_seconds(request, 0.0)
    if not SHORTEST <= wanted <= LONGEST:
        raise ValueError(f"{path} has {own:g} s, samples have {SHORTEST:g} to {LONGEST:g} s: give --seconds.")
    if wanted > own + ROUNDING and keep is None:
        raise ValueError(f"{path} has {own:g} s of the {wanted:g} s asked for: to go on after it, give --keep 0:")
    if wanted > own + ROUNDING and strength is not None:
        raise ValueError(f"--strength applies to what {path} holds, {own:g} s, but {wanted:g} s are asked for.")
    if keep is not None:
        _check_keep(keep, min(own, wanted), wanted)


def _check_keep(keep: Keep, own: float, wanted: float) -> None:
    """Refuses parts outside a sound of ``own`` seconds, and those that leave nothing of ``wanted`` seconds to draw."""
    parts = [(start, own if math.isinf(end) else end) for start, end in keep]
    if any(end > own + ROUNDING or end - start < LEAST_KEPT for start, end in parts):
        raise ValueError(f"keep={show_keep(keep)} goes beyond the {own:g} s used of the sound.")
    if sum(end - start for start, end in parts) > wanted - ROUNDING:
        raise ValueError(
            f"keep={show_keep(keep)} leaves nothing of {wanted:g} s to draw: keep less, or give --seconds."
        )


def _part(part: str, text: str) -> tuple[float, float]:
    number = r"(\d{1,9}(?:\.\d*)?|\.\d+|)"
    match = re.fullmatch(rf"{number}\s*:\s*{number}", part, re.ASCII)
    start, end = (float(match[1] or 0), float(match[2] or math.inf)) if match else (0.0, 0.0)
    if end - start < LEAST_KEPT:
        raise ValueError(
            f"keep={text!r} is not understood: give START:END in seconds, at least {LEAST_KEPT:g} s apart, 0:3 say; "
            "several between commas, 0:1,3:4 say."
        )
    return start, end
