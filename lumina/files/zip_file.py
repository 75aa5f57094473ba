"""Archives that do not swell beyond measure: a few megabytes can stand for gigabytes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

SWELLING = 100
"""An archive may unpack to so many times its size, or to `FREE` bytes."""
FREE = 1 << 28


def check_swelling(members: Iterable[zipfile.ZipInfo]) -> None:
    """Refuses members that unpack to far more than they take in the archive.

    Raises:
        ValueError: naming both sizes.
    """
    sizes = [(member.compress_size, member.file_size) for member in members]
    packed, total = (sum(column) for column in zip(*sizes, strict=True)) if sizes else (0, 0)
    if total > max(FREE, SWELLING * packed):
        raise ValueError(f"{packed} bytes would unpack to {total}, which no honest file does")


def check_archive(path: Path) -> None:
    """Refuses an archive that swells; what is none, or a damaged one, passes.

    Raises:
        ValueError: naming both sizes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile:
        return
    check_swelling(members)
