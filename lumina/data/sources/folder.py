"""Media files in a folder: each beside a text file with its caption, or in the folder of its class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from lumina.data.arrays import file_stamp
from lumina.data.sources.source import Fields, Source


class Folder(Source):
    """``NAME.jpg`` beside ``NAME.txt``, in sub-folders too; the field is called ``txt``.

    Args:
        root: the folder.
        files: media files, relative to it.
    """

    def __init__(self, root: Path, files: Sequence[str]) -> None:
        self.root = root
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        """The file's path below the folder."""
        return self.files[index]

    def stamp(self) -> str:
        """Of all files."""
        return file_stamp(self.root / file for file in self.files)

    def _medium(self, index: int) -> BinaryIO:
        return (self.root / self.files[index]).open("rb")

    def _fields(self, index: int) -> Fields:
        return {"txt": (self.root / self.files[index]).with_suffix(".txt").read_text("utf-8-sig")}


class ClassFolders(Folder):
    """``CLASS/NAME.jpg``, in sub-folders too; the field ``label`` is the name of the class."""

    def _fields(self, index: int) -> Fields:
        return {"label": self.files[index].partition(os.sep)[0]}


def class_names(folder: Path) -> tuple[str, ...]:
    """Sorted names of the folders in a folder, none if it is not there; what begins with a dot is left alone."""
    if not folder.is_dir():
        return ()
    with os.scandir(folder) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")))


def files_below(folder: Path) -> list[str]:
    """All files below a folder, sorted, relative to it; what begins with a dot is left alone."""
    found: list[str] = []
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = os.path.relpath(place, folder)
        found += [os.path.normpath(os.path.join(below, name)) for name in files if not name.startswith(".")]
    return sorted(found)
