"""Reads folders of media files, with captions in text files or with one folder per class."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from lumina.data.arrays import file_stamp
from lumina.data.census import Census
from lumina.data.sources.source import Fields, Source, Wanted
from lumina.files.regular import open_regular

TEXTS = (".txt", ".caption")
"""Suffixes of caption files, in order of preference."""

OUTSIDE = "files outside of the class folders"


class Folder(Source):
    """``NAME.jpg`` beside ``NAME.txt`` or ``NAME.caption``, also in subfolders; the field is named ``txt``.

    Media without a text are left out if a text is wanted.

    Args:
        root: the folder.
        wanted: what to look for.
        files: files below the folder.
        census: what the listing of the files left out.
    """

    def __init__(self, root: Path, wanted: Wanted, files: list[str], census: Census) -> None:
        self.root, self.census = root, census
        self.texts: dict[str, str] = {}
        media = [file for file in files if file.lower().endswith(wanted.endings)]
        self.files, used = self._choose(media, files, wanted)
        read = {*media, *used}
        census.leave_out_by_ending(file for file in files if file not in read)

    def _choose(self, media: list[str], files: list[str], wanted: Wanted) -> tuple[list[str], set[str]]:
        """The media of the samples, and the other files read for them."""
        if not wanted.texts:
            return media, set()
        endings = {os.path.splitext(file): file for file in files if file.lower().endswith(TEXTS)}
        spelt = sorted({ending for _, ending in endings}, key=lambda ending: TEXTS.index(ending.lower()))
        for file in media:
            stem = os.path.splitext(file)[0]
            text = next((endings[stem, ending] for ending in spelt if (stem, ending) in endings), None)
            if text is not None:
                self.texts[file] = text
        self.census.leave_out(
            f"files without a text ({' or '.join(TEXTS)}) beside them",
            [file for file in media if file not in self.texts],
        )
        return [file for file in media if file in self.texts], set(self.texts.values())

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        """The file's path below the folder."""
        return self.files[index]

    @cached_property
    def stamp(self) -> str:
        """A hash of all files and their texts."""
        return file_stamp(self.root / part for file in self.files for part in (file, self.texts.get(file)) if part)

    def _file_name(self, index: int) -> str:
        return self.files[index]

    def _medium(self, index: int) -> BinaryIO:
        return open_regular(self.root / self.files[index])

    def _fields(self, index: int) -> Fields:
        text = self.texts.get(self.files[index])
        if text is None:
            return {}
        with open_regular(self.root / text) as file:
            return {"txt": file.read().decode("utf-8-sig")}


class ClassFolders(Folder):
    """``CLASS/NAME.jpg``, also in subfolders; the field ``label`` is the name of the class."""

    def _choose(self, media: list[str], files: list[str], wanted: Wanted) -> tuple[list[str], set[str]]:
        self.census.leave_out(OUTSIDE, [file for file in media if os.sep not in file])
        return [file for file in media if os.sep in file], set()

    def _fields(self, index: int) -> Fields:
        return {"label": self.files[index].partition(os.sep)[0]}


def class_names(folder: Path) -> tuple[str, ...]:
    """Sorted names of the subfolders, without hidden ones; empty if the folder does not exist."""
    if not folder.is_dir():
        return ()
    with os.scandir(folder) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")))
