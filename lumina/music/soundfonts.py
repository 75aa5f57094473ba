"""Finds the soundfont to render with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from lumina.config.locate import locate
from lumina.errors import importing

INSTALLED = (Path("/usr/share/sounds/sf3/FluidR3Mono_GM.sf3"), Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"))
"""Where Debian's fluidr3mono-gm-soundfont and fluid-soundfont-gm put theirs; both have the MIT licence."""

LICENCES = {
    "FluidR3Mono_GM.sf3": "MIT, by Frank Wen and Michael Cowgill",
    "FluidR3_GM.sf2": "MIT, by Frank Wen",
    "TimGM6mb.sf2": "GPL-2, by Tim Brechbill",
}


def find_soundfont(path: Path | None = None, installed: Sequence[Path] = INSTALLED) -> Path:
    """The soundfont to use.

    Args:
        path: the user's; None = FluidR3, if one is installed, else TimGM6mb, which comes with pretty_midi.
        installed: where to look.

    Raises:
        ImportError: none is installed, and pretty_midi is not.
        ValueError: ``path`` is not there, or is no soundfont.
    """
    if path is None:
        return next((known for known in installed if known.is_file()), None) or _of_pretty_midi()
    path = locate(path)
    if not path.is_file():
        raise ValueError(f"There is no soundfont {path}: name a .sf2 or .sf3 file.")
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise ValueError(f"{path} is not a soundfont: expected a .sf2 or .sf3 file.")
    return path


@lru_cache(maxsize=4)
def digest(soundfont: Path) -> str:
    """SHA-256 of the file."""
    with soundfont.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def credits_of(soundfont: Path) -> str:
    """A sentence on whose sounds they are."""
    licence = LICENCES.get(os.path.basename(soundfont), "see where the file came from")
    return f"Rendered with the soundfont {soundfont.name} (licence: {licence}; SHA-256 {digest(soundfont)})."


def _of_pretty_midi() -> Path:
    with importing("pretty_midi", "the soundfont TimGM6mb"):
        import pretty_midi
    return Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
