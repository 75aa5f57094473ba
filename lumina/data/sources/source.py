"""The interface of all data formats, and what they look for."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal
from unicodedata import normalize

import numpy as np

from lumina.data.arrays import stamp
from lumina.data.census import Census
from lumina.data.sources.captions import USUAL
from lumina.errors import CorruptSample

Fields = Mapping[str, Any]

Absent = Literal["corrupt", "left_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for in the files.

    Attributes:
        suffixes: suffixes of media files in lower case, with the dot.
        media: usual names of the medium field, in order of preference.
        medium: name of the medium field if it is unusual; in a tar, the suffix of the members (``"mask.png"``); for
            records whose fields together name the file, a template such as ``"{youtube_id}_{start_time}.wav"``.
        captions: names of the fields that describe the medium (captions or a label); None = a usual one.
        usual: usual names of such a field, in order of preference; empty = not needed.
        absent: what becomes of records whose file is not there: ``"corrupt"``, or ``"left_out"`` before training.
        more: names of further fields to read where there are any.
        class_folders: a folder of media has one subfolder per class, instead of a text per medium.
        root: base folder of relative paths in records; None = the folder of the file with the records.
        cache: folder for results that are slow to compute; None = no cache.
    """

    suffixes: tuple[str, ...]
    media: tuple[str, ...]
    medium: str | None = None
    captions: tuple[str, ...] | None = None
    usual: tuple[str, ...] = USUAL
    absent: Absent = "corrupt"
    more: tuple[str, ...] = ()
    class_folders: bool = False
    root: Path | None = None
    cache: Path | None = None

    @property
    def endings(self) -> tuple[str, ...]:
        """Suffixes of media files."""
        return self.suffixes if self.medium is None or "{" in self.medium else (f".{self.medium.lower()}",)

    @property
    def texts(self) -> bool:
        """Whether each medium needs a text (a caption or a label)."""
        return bool(self.usual or self.captions)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the medium field, in order of preference."""
        return self.media if self.medium is None else (self.medium,)

    def file(self, path: str, beside: Path) -> Path:
        """Resolves a path in a record of the folder ``beside``.

        If the file is missing, a file whose name has another Unicode normalisation matches (macOS decomposes accents).
        An id without the suffix of a media file stands for the file of that name with a suffix.
        """
        folder = beside if self.root is None else self.root
        forms = [path] if path.isascii() else [path, *(normalize(form, path) for form in ("NFC", "NFD"))]
        if not path.lower().endswith(self.suffixes):
            forms += [form + suffix for form in forms for suffix in self.suffixes]
        if len(forms) == 1:
            return folder / path
        return next((folder / form for form in forms if (folder / form).exists()), folder / path)


class Source(ABC):
    """Records with random access; a subclass reads a format.

    Attributes:
        root: the folder to which names of records are relative.
        census: what was left out while listing the records.
        origin: index of the path at which it was found, among those that were opened together.
    """

    root: Path
    census: Census
    origin: int = 0

    @abstractmethod
    def __len__(self) -> int:
        """The number of records, unreadable ones included."""

    @abstractmethod
    def name(self, index: int) -> str:
        """A name of the record that does not depend on ``root``; the held-out split is chosen by it."""

    @property
    @abstractmethod
    def stamp(self) -> str:
        """A short hash that changes with the files; computed once, since it reads the status of each file."""

    @abstractmethod
    def _medium(self, index: int) -> BinaryIO: ...

    @abstractmethod
    def _fields(self, index: int) -> Fields: ...

    def origins(self) -> np.typing.NDArray[np.int64]:
        """``[N]``, the origin of each record."""
        return np.full(len(self), self.origin)

    def where(self, index: int) -> str:
        """Where the user finds the record."""
        return str(self.root / self.name(index))

    def file_name(self, index: int) -> str:
        """The name of the medium's own file, below its folders.

        Raises:
            CorruptSample: it has none.
        """
        with self.blamed(index):
            return self._file_name(index)

    def _file_name(self, index: int) -> str:
        raise ValueError("the medium has no file name")

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
        """Turns an error in reading a record into a `CorruptSample` that names the record."""
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
        """The name in the record's own source."""
        source, own = self._locate(index)
        return source.name(own)

    def origins(self) -> np.typing.NDArray[np.int64]:
        """Those of the sources."""
        return np.concatenate([source.origins() for source in self.sources])

    def where(self, index: int) -> str:
        """The position in the record's own source."""
        source, own = self._locate(index)
        return source.where(own)

    @cached_property
    def stamp(self) -> str:
        """A hash of all sources."""
        return stamp(*(source.stamp for source in self.sources))

    def _medium(self, index: int) -> BinaryIO:
        source, own = self._locate(index)
        return source.open(own)

    def _fields(self, index: int) -> Fields:
        source, own = self._locate(index)
        return source.fields(own)

    def _file_name(self, index: int) -> str:
        source, own = self._locate(index)
        return source.file_name(own)


def as_record(value: Any) -> dict[str, Any]:
    """Checks that a record is a dictionary.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, dict):
        raise ValueError(f"the record is {type(value).__name__}, expected an object")
    return value


def medium_of(record: Fields, wanted: Wanted) -> Any:
    """The value of the medium field.

    Raises:
        ValueError: the record has no medium.
    """
    for name in wanted.names:
        if "{" in name:
            return _filled(name, record)
        if record.get(name) is not None:
            return record[name]
    raise ValueError(f"the record lacks {' or '.join(wanted.names)}; it has: {', '.join(record) or 'no fields'}")


def _filled(template: str, record: Fields) -> str:
    """``"{id}.wav"`` with the fields of a record in place of their names."""

    def field(found: re.Match[str]) -> str:
        if record.get(found[1]) is None:
            raise ValueError(f"the record lacks {found[1]} of {template}; it has: {', '.join(record) or 'no fields'}")
        return str(record[found[1]])

    return re.sub(r"\{([^{}]*)\}", field, template)
