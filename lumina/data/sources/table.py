"""Parquet files that hold the media themselves, or their paths."""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from lumina.data.arrays import file_stamp, stamp
from lumina.data.census import Census
from lumina.data.sources.source import Fields, Source, Wanted, medium_of
from lumina.errors import importing
from lumina.files.regular import open_regular

if TYPE_CHECKING:
    import pyarrow

HELD = 512 * 2**20
"""Bytes of row groups that a process holds."""


class Table(Source):
    """A Parquet file: a column of encoded bytes, of ``{"bytes", "path"}`` as Hugging Face writes them, or of paths.

    It is read by row groups, of which a process holds the latest 512 MiB. Files that are much larger want small row
    groups (about 100 rows), because a random access reads a whole one.

    Args:
        path: the file.
        root: the folder below which it is named.
        wanted: what to look for.

    Raises:
        ValueError: it is not Parquet, has no rows, or not the columns.
        ImportError: pyarrow is not installed.
    """

    def __init__(self, path: Path, root: Path, wanted: Wanted) -> None:
        self.root = root
        self.path = path
        self.wanted, self.census = wanted, Census()
        names, rows = self._open()
        self.columns = _columns(path, names, wanted)
        self.ends = np.cumsum(rows, dtype=np.int64)
        if not len(self):
            raise ValueError(f"{path} has no rows; remove it.")

    def _open(self) -> tuple[list[str], list[int]]:
        """Names of the columns, and how many rows each group has."""
        try:
            file = _file(self.path)
        except ValueError as error:
            raise ValueError(
                f"{self.path} is not a whole Parquet file ({error}); fetch it again, or remove it."
            ) from error
        groups = range(file.metadata.num_row_groups)
        return file.schema_arrow.names, [file.metadata.row_group(group).num_rows for group in groups]

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def name(self, index: int) -> str:
        """The file's path and the row's number, as ``a/b.parquet:7``."""
        return f"{self.path.relative_to(self.root)}:{index}"

    @cached_property
    def stamp(self) -> str:
        """Of the file, of the columns and the classes in them, and of the files that it names."""
        return stamp(self.columns, self._classes, file_stamp([self.path, *self._files()]))

    def _files(self) -> Iterator[Path]:
        """Files of the media; none where the column holds the media themselves."""
        if str(self._schema().field(self.columns[0]).type) not in ("string", "large_string", "string_view"):
            return
        for path in self._column(self.columns[0]).to_pylist():
            if path is not None:
                yield self.wanted.file(path, self.path.parent)

    def _schema(self) -> pyarrow.Schema:
        return _file(self.path).schema_arrow

    def _column(self, name: str) -> Any:
        return _file(self.path).read(columns=[name]).column(0)

    def _medium(self, index: int) -> BinaryIO:
        value = medium_of(self._row(index, self.columns[:1]), self.wanted)
        if isinstance(value, dict):
            value = value["path"] if value.get("bytes") is None else value["bytes"]
        if isinstance(value, bytes):
            return io.BytesIO(value)
        if not isinstance(value, str):
            raise ValueError(f"the medium is {type(value).__name__}, expected bytes or the path of a file")
        return open_regular(self.wanted.file(value, self.path.parent))

    def _fields(self, index: int) -> Fields:
        return {name: self._named(name, value) for name, value in self._row(index, self.columns[1:]).items()}

    def _named(self, column: str, value: Any) -> Any:
        """The name of a class instead of its number, where the table has names."""
        names = self._classes.get(column, [])
        return names[value] if isinstance(value, int) and 0 <= value < len(names) else value

    @cached_property
    def _classes(self) -> dict[str, list[str]]:
        """Names of the classes by the column of their numbers, where Hugging Face's datasets has written them."""
        try:
            written = json.loads((self._schema().metadata or {}).get(b"huggingface", b"{}"))
            features = {name: feature for name, feature in written["info"]["features"].items() if "names" in feature}
            return {name: [str(one) for one in feature["names"]] for name, feature in features.items()}
        except (ValueError, LookupError, TypeError, AttributeError):  # by another program
            return {}

    def _row(self, index: int, columns: tuple[str, ...]) -> Fields:
        group = int(np.searchsorted(self.ends, index, "right"))
        rows = GROUPS.get(self.path, group, columns)
        row = index - int(self.ends[group]) + rows.num_rows
        return {name: rows.column(name)[row].as_py() for name in columns}


class RowGroups:
    """The row groups read latest.

    Args:
        limit: bytes held.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: OrderedDict[tuple[Path, int, tuple[str, ...]], pyarrow.Table] = OrderedDict()

    def get(self, path: Path, group: int, columns: tuple[str, ...]) -> pyarrow.Table:
        """A row group's columns."""
        key = (path, group, columns)
        if key not in self.held:
            self.held[key] = _file(path).read_row_group(group, columns=list(columns), use_threads=False)
            while len(self.held) > 1 and sum(rows.nbytes for rows in self.held.values()) > self.limit:
                self.held.popitem(last=False)
        self.held.move_to_end(key)
        return self.held[key]


GROUPS = RowGroups(HELD)


@lru_cache(maxsize=256)
def _file(path: Path) -> Any:
    with importing("pyarrow", "a Parquet file"):
        from pyarrow import parquet
    return parquet.ParquetFile(path)


def _columns(path: Path, names: list[str], wanted: Wanted) -> tuple[str, ...]:
    """The medium's column and those of the fields."""
    medium = [name for name in wanted.names if name in names][:1]
    captions = (
        [name for name in wanted.usual if name in names][:1] if wanted.captions is None else list(wanted.captions)
    )
    missing = [name for name in captions if name not in names]
    missing += [] if medium else [" or ".join(wanted.names)]
    missing += [] if captions or not wanted.usual else [" or ".join(wanted.usual)]
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(missing)}; it has: {', '.join(names)}.")
    return (*medium, *dict.fromkeys(captions))
