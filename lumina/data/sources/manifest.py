"""JSON and JSONL: records that name media files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lumina.data.arrays import file_stamp
from lumina.data.sources.source import Fields, Source, Wanted, as_record, medium_of


class Manifest(Source):
    """A file of records, one a line (JSONL) or in one list (JSON); of JSONL only the lines' places are held in memory.

    Args:
        path: the file.
        wanted: what to look for.

    Raises:
        ValueError: it is not JSON, or has no records.
    """

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.root = path.parent
        self.path = path
        self.wanted = wanted
        self.records = _records(path) if path.suffix.lower() == ".json" else None
        self.lines = _lines(path) if self.records is None else np.arange(len(self.records))
        if not len(self.lines):
            raise ValueError(f"{path} has no records: expected a list of objects, or an object a line.")

    def __len__(self) -> int:
        return len(self.lines)

    def name(self, index: int) -> str:
        """File and number of the record, from 0."""
        return f"{self.path.name}:{index}"

    def stamp(self) -> str:
        """Of the file and of the media that it names."""
        return file_stamp([self.path, *self._files()])

    def _files(self) -> Iterator[Path]:
        for index in range(len(self)):
            try:
                path = medium_of(self._fields(index), self.wanted)
            except ValueError:
                continue  # a record without a medium is named when it is served
            if isinstance(path, str):
                yield self.wanted.file(path, self.root)

    def _medium(self, index: int) -> BinaryIO:
        path = medium_of(self._fields(index), self.wanted)
        if not isinstance(path, str):
            raise ValueError(f"the medium is {type(path).__name__}, expected the path of a file")
        return self.wanted.file(path, self.root).open("rb")

    def _fields(self, index: int) -> Fields:
        return as_record(self._line(index) if self.records is None else self.records[index])

    def _line(self, index: int) -> Any:
        with self.path.open("rb") as file:
            file.seek(self.lines[index])
            return json.loads(file.readline())


def _records(path: Path) -> list[Any]:
    try:
        records = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(
            f"{path} is not JSON ({error}); a file with an object a line must be called .jsonl."
        ) from error
    if not isinstance(records, list):
        raise ValueError(f"{path} holds {type(records).__name__}, expected a list of objects.")
    return records


def _lines(path: Path) -> np.typing.NDArray[np.int64]:
    starts, place = [], 0
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                starts.append(place)
            place += len(line)
    return np.array(starts, np.int64)
