"""Reads Arrow files saved by Hugging Face's datasets."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lumina.data.sources.source import Fields
from lumina.data.sources.table import Table
from lumina.errors import importing

if TYPE_CHECKING:
    import pyarrow


class Arrow(Table):
    """A file ``data-00000-of-00001.arrow`` of ``Dataset.save_to_disk``, with the columns of a `Table`.

    It is memory-mapped, so a random access reads only one row.

    Args:
        path: the file.
        root: the folder to which names are relative.
        wanted: what to look for.

    Raises:
        ValueError: the file is not a complete Arrow file, or lacks rows or columns.
        ImportError: pyarrow is not installed.
    """

    def _open(self) -> tuple[list[str], list[int]]:
        try:
            rows = _mapped(self.path)
        except (ValueError, OSError) as error:
            raise ValueError(f"{self.path} is not a complete Arrow file ({error}); save the dataset again.") from error
        return rows.column_names, [rows.num_rows]

    def _schema(self) -> pyarrow.Schema:
        return _mapped(self.path).schema

    def _column(self, name: str) -> Any:
        return _mapped(self.path).column(name)

    def _row(self, index: int, columns: tuple[str, ...]) -> Fields:
        return {name: self._column(name)[index].as_py() for name in columns}


@lru_cache(maxsize=256)
def _mapped(path: Path) -> Any:
    with importing("pyarrow", "an Arrow file"):
        import pyarrow
    with pyarrow.memory_map(str(path)) as file:
        return pyarrow.ipc.open_stream(file).read_all()
