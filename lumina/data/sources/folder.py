"""Media files in a folder, each beside a text file with its caption."""

from __future__ import annotations

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
