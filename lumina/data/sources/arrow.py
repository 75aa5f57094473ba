"""Arrow files that Hugging Face's datasets has saved."""

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
    """A file ``data-00000-of-00001.arrow`` of ``Dataset.save_to_disk``, with the columns that a `Table` has.

    It is mapped into memory, so a random access reads one row alone.

    Args:
        path: the file.
        root: the folder below which it is named.
        wanted: what to look for.

    Raises:
        ValueError: it is no whole Arrow file, has no rows, or not the columns.
        ImportError: pyarrow is not installed.
    """

    def _open(self) -> tuple[list[str], list[int]]:
        try:
            rows = _mapped(self.path)
        except (ValueError, OSError) as error:
            raise ValueError(f"{self.path} is not a whole Arrow file ({error}); save the dataset again.") from error
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
