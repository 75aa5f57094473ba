"""What all forms of data have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from unicodedata import normalize

import numpy as np

from lumina.data.arrays import stamp
from lumina.data.census import Census
from lumina.data.sources.captions import USUAL
from lumina.errors import CorruptSample

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for in the files.

    Attributes:
        suffixes: endings of media files, in lower case, with their dot.
        media: usual names of the medium's field, in the order in which they are tried.
        medium: its name, if it has an unusual one; in a tar the ending of its files (``"mask.png"``).
        captions: names of the fields that tell of the medium (captions, or a label); None = a usual one.
        usual: the usual names of such a field, in the order in which they are tried; none = it is not needed.
        class_folders: a folder of media has a folder for each class, instead of a text beside each medium.
        root: where relative paths inside records begin; None = the folder of the file that holds the records.
        cache: folder for what takes long to gather; None keeps nothing.
    """

    suffixes: tuple[str, ...]
    media: tuple[str, ...]
    medium: str | None = None
    captions: tuple[str, ...] | None = None
    usual: tuple[str, ...] = USUAL
    class_folders: bool = False
    root: Path | None = None
    cache: Path | None = None

    @property
    def endings(self) -> tuple[str, ...]:
        """Endings of media files."""
        return self.suffixes if self.medium is None else (f".{self.medium.lower()}",)

    @property
    def texts(self) -> bool:
        """Whether a text (a caption, a label) is wanted beside each medium."""
        return bool(self.usual or self.captions)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the medium's field, in the order in which they are tried."""
        return self.media if self.medium is None else (self.medium,)

    def file(self, path: str, beside: Path) -> Path:
        """The file of a path in a record that was found in the folder ``beside``.

        Where it is not there, a name that is composed otherwise counts as the same (macOS writes letters and their
        accents apart).
        """
        folder = beside if self.root is None else self.root
        if path.isascii():
            return folder / path
        forms = (path, *(normalize(form, path) for form in ("NFC", "NFD")))
        return next((folder / form for form in forms if (folder / form).exists()), folder / path)


class Source(ABC):
    """Records at random access. A subclass says how they are read.

    Attributes:
        root: the folder below which the records are named.
        census: what was left out while the records were listed.
    """

    root: Path
    census: Census

    @abstractmethod
    def __len__(self) -> int:
        """The number of records, unreadable ones included."""

    @abstractmethod
    def name(self, index: int) -> str:
        """Which record it is, wherever ``root`` lies; the held-out split is chosen by it."""

    @property
    @abstractmethod
    def stamp(self) -> str:
        """A short name that changes with the files; taken once, as it asks the disk for each of them."""

    @abstractmethod
    def _medium(self, index: int) -> BinaryIO: ...

    @abstractmethod
    def _fields(self, index: int) -> Fields: ...

    def where(self, index: int) -> str:
        """Where the user finds the record."""
        return str(self.root / self.name(index))

    def open(self, index: int) -> BinaryIO:
        """The medium's encoded file, to be closed.

        Raises:
            CorruptSample: there is none, or it cannot be opened.
        """
        with self.blamed(index):
            return self._medium(index)

    def fields(self, index: int) -> Fields:
        """All other fields.

        Raises:
            CorruptSample: they cannot be read.
        """
        with self.blamed(index):
            return self._fields(index)

    @contextmanager
    def blamed(self, index: int) -> Iterator[None]:
        """Turns what goes wrong over a record into a `CorruptSample` that names it."""
        try:
            yield
        except (OSError, ValueError) as error:
            raise CorruptSample(self.where(index), error) from error


class Chain(Source):
    """Several sources, one after the other."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self.root = sources[0].root
        self.census = sum((source.census for source in sources), Census())
        self.ends = np.cumsum([len(source) for source in sources])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def _locate(self, index: int) -> tuple[Source, int]:
        number = int(np.searchsorted(self.ends, index, "right"))
        return self.sources[number], index - int(self.ends[number]) + len(self.sources[number])

    def name(self, index: int) -> str:
        """The source's name of it."""
        source, own = self._locate(index)
        return source.name(own)

    def where(self, index: int) -> str:
        """As the source that has it says."""
        source, own = self._locate(index)
        return source.where(own)

    @cached_property
    def stamp(self) -> str:
        """Of all sources together."""
        return stamp(*(source.stamp for source in self.sources))

    def _medium(self, index: int) -> BinaryIO:
        source, own = self._locate(index)
        return source.open(own)

    def _fields(self, index: int) -> Fields:
        source, own = self._locate(index)
        return source.fields(own)


def as_record(value: Any) -> dict[str, Any]:
    """The value, if it has named fields.

    Raises:
        ValueError: it has not.
    """
    if not isinstance(value, dict):
        raise ValueError(f"the record is {type(value).__name__}, expected an object")
    return value


def medium_of(record: Fields, wanted: Wanted) -> Any:
    """The value of the medium's field.

    Raises:
        ValueError: the record has none.
    """
    for name in wanted.names:
        if record.get(name) is not None:
            return record[name]
    raise ValueError(f"none of the fields {', '.join(wanted.names)} is there; it has: {', '.join(record) or 'nothing'}")
