"""Tables of texts, read whole and written again with one more column."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lumina.data.csv_file import read_csv, read_lines
from lumina.errors import importing
from lumina.files.atomic import replacing

CELLS, LINES, LIST, PARQUET = (".csv", ".tsv"), (".jsonl", ".ndjson"), ".json", ".parquet"
SUFFIXES = (*CELLS, *LINES, LIST, PARQUET)


class TextTable:
    """The rows of a file; everything in it but the new column stays as it was.

    Args:
        path: a .csv, .tsv, .jsonl, .ndjson, .json (a list) or .parquet file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another form, or a row is broken; names the row.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{path} must end in {', '.join(SUFFIXES)}.")
        if not path.is_file():
            raise FileNotFoundError(f"there is no table at {path}.")
        self.path, self.kind = path, path.suffix.lower()
        self._header: list[str] = []
        self._rows: Any = None
        if self.kind in CELLS:
            self._header, *self._rows = read_csv(path) or [[]]
            odd = next((at for at, row in enumerate(self._rows, 2) if len(row) != len(self._header)), None)
            if odd is not None:
                count = len(self._rows[odd - 2])
                raise ValueError(f"row {odd} of {path} has {count} cells, but the header {len(self._header)}: mend it.")
        elif self.kind == PARQUET:
            self._rows = _read_parquet(path)
            self._header = list(self._rows.column_names)
        else:
            self._rows = _objects(path, self.kind == LIST)
            self._header = list(dict.fromkeys(name for row in self._rows for name in row))

    @property
    def columns(self) -> Sequence[str]:
        """Their names, in the file's order."""
        return self._header

    def texts(self, column: str) -> list[str]:
        """A column, row by row; what is missing is an empty text.

        Raises:
            ValueError: there is no such column, or it holds something else than Unicode texts.
        """
        if column not in self._header:
            raise ValueError(f"{self.path} has no column {column!r}; it has: {', '.join(self._header)}.")
        if self.kind in CELLS:
            values = [row[self._header.index(column)] for row in self._rows]
        elif self.kind == PARQUET:
            values = self._rows.column(column).to_pylist()
        else:
            values = [row.get(column) for row in self._rows]
        odd = next((value for value in values if not isinstance(value, str | None)), None)
        if odd is not None:
            raise ValueError(f"the column {column!r} of {self.path} must hold texts, got {odd!r}.")
        texts = [value or "" for value in values]
        try:
            "".join(texts).encode()
        except UnicodeEncodeError as error:  # JSON can say what UTF-8 cannot
            raise ValueError(
                f"the column {column!r} of {self.path} holds text that is not Unicode: {error}."
            ) from error
        return texts

    def write(self, path: Path, column: str, texts: Sequence[str]) -> None:
        """Writes the table with a column of texts, which replaces one of that name; the file is whole or not there."""
        with replacing(path) as new:
            if self.kind == PARQUET:
                self._write_parquet(new, column, texts)
            elif self.kind in CELLS:
                self._write_cells(new, column, texts)
            else:
                rows = [{**row, column: text} for row, text in zip(self._rows, texts, strict=True)]
                lines = [json.dumps(row, ensure_ascii=False) for row in rows]
                ends = ("[\n", ",\n", "\n]\n") if self.kind == LIST else ("", "\n", "\n" if lines else "")
                new.write_text(ends[0] + ends[1].join(lines) + ends[2], encoding="utf-8")

    def _write_cells(self, path: Path, column: str, texts: Sequence[str]) -> None:
        kept = [at for at, name in enumerate(self._header) if name != column]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t" if self.kind == ".tsv" else ",", lineterminator="\n")
            writer.writerow([*(self._header[at] for at in kept), column])
            for row, text in zip(self._rows, texts, strict=True):
                writer.writerow([*(row[at] for at in kept), text])

    def _write_parquet(self, path: Path, column: str, texts: Sequence[str]) -> None:
        import pyarrow
        import pyarrow.parquet

        table = self._rows.drop_columns([column]) if column in self._header else self._rows
        pyarrow.parquet.write_table(table.append_column(column, pyarrow.array(texts, pyarrow.string())), path)


def _read_parquet(path: Path) -> Any:
    with importing("pyarrow", f"reading {path}"):
        import pyarrow
        import pyarrow.parquet
    try:
        return pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path} is not a complete Parquet file ({error}); fetch it again.") from error


def _objects(path: Path, is_list: bool) -> list[dict[str, Any]]:
    texts = ["".join(read_lines(path))] if is_list else [line for line in read_lines(path) if line.strip()]
    rows = list[Any]()
    for number, text in enumerate(texts, 1):
        try:
            read = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} of {path} is not valid JSON ({error}).") from error
        rows += read if is_list and isinstance(read, list) else [read]
    odd = next((row for row in rows if not isinstance(row, dict)), None)
    if odd is not None:
        raise ValueError(f"{path} must hold one object per row, got {json.dumps(odd)[:60]}.")
    return rows
