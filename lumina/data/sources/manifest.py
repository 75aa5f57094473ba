"""Reads JSON, JSONL, CSV and TSV files whose records name media files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lumina.data.arrays import file_stamp
from lumina.data.census import Census
from lumina.data.csv_file import read_csv
from lumina.data.sources.source import Fields, Source, Wanted, as_record, medium_of
from lumina.files.regular import open_regular

FORMS = {
    ".json": "a list of objects",
    ".jsonl": "one object per line, without commas between them",
    ".csv": "rows with as many cells as the header, between commas",
    ".tsv": "rows with as many cells as the header, between tabs",
}
"""What is expected of a file, by its suffix."""

LOOKED_AT = 10
"""Number of leading records of which at least one must be readable."""


class Manifest(Source):
    """A file of records, one per line (JSONL), in one list (JSON), or in rows below a header (CSV, TSV).

    For JSONL, only the offsets of the lines are held in memory.

    Args:
        path: the file.
        wanted: what to look for.
        root: the folder to which names are relative; None = the folder of the file.

    Attributes:
        names: field names of the first records.

    Raises:
        ValueError: the file is not JSON or CSV, or has no records.
    """

    def __init__(self, path: Path, wanted: Wanted, root: Path | None = None) -> None:
        self.root = path.parent if root is None else root
        self.path = path
        self.wanted, self.census = wanted, Census()
        self.header, self.records = _records(path)
        self.lines = _lines(path) if self.records is None else np.arange(len(self.records))
        if not len(self.lines):
            raise ValueError(
                f"{path} has no records: expected a list of objects, one object per line, or rows below a header."
            )
        self.numbers = np.arange(len(self.lines))
        self.names = self._names()
        if wanted.absent == "left_out":
            self._leave_out_absent()

    def _names(self) -> set[str]:
        """The field names of the first records.

        Raises:
            ValueError: none of them can be read.
        """
        names: set[str] = set()
        errors: list[str] = []
        for number in range(min(LOOKED_AT, len(self))):
            try:
                names |= set(self._fields(number))
            except ValueError as error:
                errors.append(str(error))
        if len(errors) == min(LOOKED_AT, len(self)):
            raise ValueError(
                f"{self.path}: none of the first {len(errors)} records can be read ({errors[0]}): expected "
                f"{FORMS[self.path.suffix.lower()]}."
            )
        return names

    def _leave_out_absent(self) -> None:
        """Keeps the records whose file is there, and those that name none, which are corrupt.

        Raises:
            ValueError: no file is there.
        """
        there = [self._is_there(index) for index in range(len(self))]
        missing = [index for index, found in enumerate(there) if not found]
        if len(missing) == len(self):
            raise ValueError(f"{self.path}: none of the {len(self)} files that it names is there, {self.file(0)} say.")
        self.census.leave_out("records whose file is not there", [self.name(index) for index in missing])
        self.keep(self.numbers[there].tolist())

    def _is_there(self, index: int) -> bool:
        try:
            return self.file(index).exists()
        except ValueError:
            return True

    def keep(self, numbers: Sequence[int]) -> None:
        """Selects records by number; their names keep the original numbers."""
        self.numbers = np.asarray(numbers, np.int64)

    def __len__(self) -> int:
        return len(self.numbers)

    def name(self, index: int) -> str:
        """The file and the number of the record, from 0."""
        return f"{self.path.relative_to(self.root)}:{self.numbers[index]}"

    @cached_property
    def stamp(self) -> str:
        """A hash of the file and the media that it names."""
        return file_stamp([self.path, *self._files()])

    def _files(self) -> Iterator[Path]:
        for index in range(len(self)):
            try:
                yield self.file(index)
            except ValueError:
                continue  # reported when the record is served

    def _medium(self, index: int) -> BinaryIO:
        return open_regular(self.file(index))

    def file(self, index: int) -> Path:
        """The path of the record's medium, which may be missing.

        Raises:
            ValueError: the record names no medium.
        """
        path = medium_of(self._fields(index), self.wanted)
        if not isinstance(path, str | int):
            raise ValueError(f"the medium is {type(path).__name__}, expected the path of a file")
        return self.wanted.file(str(path), self.path.parent)

    def _file_name(self, index: int) -> str:
        return str(self.file(index))

    def _fields(self, index: int) -> Fields:
        number = int(self.numbers[index])
        record = self._line(number) if self.records is None else self.records[number]
        return as_record(record) if self.header is None else _below(self.header, record)

    def _line(self, number: int) -> Any:
        with self.path.open("rb") as file:
            file.seek(self.lines[number])
            return json.loads(file.readline())


def _records(path: Path) -> tuple[list[str] | None, list[Any] | None]:
    """The header of the file, and its records; None without one, and where records are read one by one."""
    match path.suffix.lower():
        case ".json":
            return None, _listed(path)
        case ".csv" | ".tsv":
            header, *rows = read_csv(path) or [[]]
            return [name.strip() for name in header], rows
    return None, None


def _below(header: list[str], row: list[str]) -> Fields:
    if len(row) != len(header):
        raise ValueError(f"the row has {len(row)} cells, its header has {len(header)}")
    return dict(zip(header, row, strict=True))


def _listed(path: Path) -> list[Any]:
    try:
        records = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(
            f"{path} is not JSON ({error}); a file with one object per line must end in .jsonl."
        ) from error
    if not isinstance(records, list):
        raise ValueError(f"{path} holds {type(records).__name__}, expected a list of objects.")
    return records


def _lines(path: Path) -> np.typing.NDArray[np.int64]:
    starts, offset = [], 0
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                starts.append(offset)
            offset += len(line)
    return np.array(starts, np.int64)
