"""Reads CSV and TSV files in UTF-8."""

from __future__ import annotations

import csv
from pathlib import Path

from lumina.config.locate import locate


def read_csv(path: Path) -> list[list[str]]:
    """The rows of a CSV file, without empty ones.

    Args:
        path: a file in UTF-8, with or without a byte order mark; cells of a ``.tsv`` stand between tabs, else commas.

    Raises:
        ValueError: it cannot be read.
    """
    between = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        return [row for row in csv.reader(read_lines(path), delimiter=between) if row]
    except csv.Error as error:
        raise ValueError(
            f"{path} is not a readable CSV file in UTF-8 ({error}): repair it or change its path."
        ) from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, with their line endings.

    Args:
        path: a file in UTF-8, with or without a byte order mark.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        with locate(path).open(newline="", encoding="utf-8-sig") as file:
            return list(file)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not a readable CSV file in UTF-8 ({error}): repair it or change its path."
        ) from error
