"""Tables that tell the classes or the captions of shapes in files."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from lumina.data.csv_file import read_csv


class ShapeTable:
    """A CSV file with the columns ``file`` and ``label`` or ``caption`` or both.

    Files are compared in one spelling of letters and their accents, which macOS writes apart.

    Args:
        path: the file.

    Attributes:
        path: the file.
        has_captions: whether there is such a column.

    Raises:
        ValueError: it cannot be read, or lacks columns or rows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = {_composed(row["file"]): row for row in _rows(path)}
        self.has_captions = any("caption" in row for row in self._rows.values())

    def label(self, file: str) -> str | None:
        """The class of a file, empty where the table has captions alone; None = the file is not part of the data."""
        row = self._rows.get(_composed(file), {"label": ""})
        return "" if "label" not in row else row["label"].strip() or None

    def caption(self, file: str) -> str:
        """The caption of a file that the table has."""
        return self._rows[_composed(file)]["caption"]

    def absent(self, files: Iterable[str]) -> list[str]:
        """The files that rows name and that are none of ``files``, without those whose label is empty."""
        there = set(map(_composed, files))
        return [row["file"] for file, row in self._rows.items() if file not in there and row.get("label") != ""]


def _rows(path: Path) -> list[dict[str, str]]:
    head, *rows = read_csv(path) or [[]]
    if not rows or "file" not in head or not {"label", "caption"} & set(head):
        raise ValueError(
            f"{path} has the columns {', '.join(head) or '(none)'}: it needs file, and label or caption, and a row for "
            "each shape."
        )
    wrong = next((number for number, row in enumerate(rows, 2) if len(row) != len(head)), None)
    if wrong is not None:
        raise ValueError(
            f"Row {wrong} of {path} has {len(rows[wrong - 2])} fields, but {len(head)} columns are named: mend that "
            "row, or quote a text with commas in it."
        )
    return [dict(zip(head, row, strict=True)) for row in rows]


def _composed(file: str) -> str:
    return unicodedata.normalize("NFC", os.path.normpath(file))
