"""Reads Parquet files that contain media or their paths."""

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
"""Bytes of row groups that a process caches."""


class Table(Source):
    """A Parquet file: a column of encoded bytes, of Hugging Face's ``{"bytes", "path"}``, or of paths.

    It is read by row groups; a process caches the 512 MiB used last. Much larger files need small row groups (about
    100 rows), because a random access reads a whole group.

    Args:
        path: the file.
        root: the folder to which names are relative.
        wanted: what to look for.

    Raises:
        ValueError: the file is not Parquet, or lacks rows or columns.
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
        """The column names, and the number of rows of each group."""
        try:
            file = _file(self.path)
        except ValueError as error:
            raise ValueError(
                f"{self.path} is not a complete Parquet file ({error}); download it again, or remove it."
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
        """A hash of the file, its columns and class names, and the media files that it names."""
        return stamp(self.columns, self._classes, file_stamp([self.path, *self._files()]))

    def _files(self) -> Iterator[Path]:
        """The media files; none if the column contains the media themselves."""
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

    def _file_name(self, index: int) -> str:
        value = self._row(index, self.columns[:1])[self.columns[0]]
        path = value.get("path") if isinstance(value, dict) else value
        return path if isinstance(path, str) else super()._file_name(index)

    def _fields(self, index: int) -> Fields:
        return {name: self._named(name, value) for name, value in self._row(index, self.columns[1:]).items()}

    def _named(self, column: str, value: Any) -> Any:
        """Replaces a class number by its name, if the table has class names."""
        names = self._classes.get(column, [])
        return names[value] if isinstance(value, int) and 0 <= value < len(names) else value

    @cached_property
    def _classes(self) -> dict[str, list[str]]:
        """Class names by column, as written by Hugging Face's datasets."""
        try:
            written = json.loads((self._schema().metadata or {}).get(b"huggingface", b"{}"))
            features = {name: feature for name, feature in written["info"]["features"].items() if "names" in feature}
            return {name: [str(one) for one in feature["names"]] for name, feature in features.items()}
        except (ValueError, LookupError, TypeError, AttributeError):  # not written by datasets
            return {}

    def _row(self, index: int, columns: tuple[str, ...]) -> Fields:
        group = int(np.searchsorted(self.ends, index, "right"))
        rows = GROUPS.get(self.path, group, columns)
        row = index - int(self.ends[group]) + rows.num_rows
        return {name: rows.column(name)[row].as_py() for name in columns}


class RowGroups:
    """A least-recently-used cache of row groups.

    Args:
        limit: bytes to hold.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: OrderedDict[tuple[Path, int, tuple[str, ...]], pyarrow.Table] = OrderedDict()

    def get(self, path: Path, group: int, columns: tuple[str, ...]) -> pyarrow.Table:
        """Columns of a row group, from the cache or the file."""
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
    """The medium column and the columns of the fields."""
    medium = [name for name in wanted.names if name in names][:1]
    captions = (
        [name for name in wanted.usual if name in names][:1] if wanted.captions is None else list(wanted.captions)
    )
    missing = [name for name in captions if name not in names]
    missing += [] if medium else [" or ".join(wanted.names)]
    missing += [] if captions or not wanted.usual else [" or ".join(wanted.usual)]
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(missing)}; it has: {', '.join(names)}.")
    more = [name for name in wanted.more if name in names]
    return (*medium, *dict.fromkeys([*captions, *more]))
