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
    "FluidR3Mono_GM.sf3": "MIT, by Frank Wen, made mono by Michael Cowgill, with temple blocks by Ethan Winer and a "
    "drumline by Michael Schorsch",
    "FluidR3_GM.sf2": "MIT, by Frank Wen",
    "TimGM6mb.sf2": "GPL-2 as Debian states it, by Tim Brechbill; neither the file nor pretty_midi says so",
}
RIFF, LIST = 12, 12  # bytes of the heads of the file and of its list of texts
FACTS = {"IENG": "author", "ICOP": "copyright", "ICMT": "comment"}
"""Texts about itself that a soundfont may hold."""
LONGEST = 65_536
"""Bytes at the start of the file in which they are looked for."""


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
    """Whose sounds they are, with what the file itself says about that: licences want their notice to go along."""
    licence = LICENCES.get(os.path.basename(soundfont), "see where the file came from")
    rendered = f"Rendered with the soundfont {soundfont.name} (licence: {licence}; SHA-256 {digest(soundfont)})."
    return "\n".join([rendered, *(f"\nThe soundfont's {FACTS[key]}:\n{text}" for key, text in facts_of(soundfont))])


def facts_of(soundfont: Path) -> list[tuple[str, str]]:
    """The texts of `FACTS` that the file holds: their names and themselves."""
    with soundfont.open("rb") as file:
        head = file.read(LONGEST)
    found, place = [], RIFF + LIST
    end = min(RIFF + 8 + int.from_bytes(head[RIFF + 4 : RIFF + 8], "little"), len(head))
    while place + 8 <= end and head[RIFF + 8 : RIFF + LIST] == b"INFO":
        key, size = head[place : place + 4].decode("latin-1"), int.from_bytes(head[place + 4 : place + 8], "little")
        text = head[place + 8 : min(place + 8 + size, end)].partition(b"\0")[0].decode("utf-8", "replace").strip()
        found += [(key, text)] if key in FACTS and text else []
        place += 8 + size + size % 2
    return found


def _of_pretty_midi() -> Path:
    with importing("pretty_midi", "the soundfont TimGM6mb"):
        import pretty_midi
    return Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
