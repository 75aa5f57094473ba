"""Texts in tables: a spreadsheet runs a cell that begins like a formula."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain_cells(row: Iterable[Any]) -> list[Any]:
    """The cells of a row, with an apostrophe before texts that a spreadsheet would take for a formula."""
    return [f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell for cell in row]


def _is_formula(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.startswith(FORMULA)
    return False
