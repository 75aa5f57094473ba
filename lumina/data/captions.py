"""Lists of captions of objects by their UIDs, as Cap3D gives them out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from unicodedata import normalize

from lumina.data.census import Census
from lumina.data.csv_file import read_lines
from lumina.data.text_table import TextTable

TEXT = "caption"
IDS = ("uid", "id", "name", "file", "object")
"""Columns of a table, in lower case: that of captions, and those of UIDs, of which the first that is there counts."""


def read_captions(path: Path, uids: Collection[str], census: Census, endings: tuple[str, ...] = ()) -> dict[str, str]:
    """Captions by UID, from a table with a column ``caption`` and one of `IDS`, or from lines.

    A line is a UID, a comma and a text. The text may hold commas without being quoted, and a quote that
    nothing closes ends with its line. A text that begins with a quote goes on in the next line only until it is closed,
    and not where that line begins with a word and a comma, as an object's does.

    Args:
        path: the file, in UTF-8: .csv, .tsv, .jsonl, .ndjson, .json (a list) or .parquet.
        uids: those of the objects; which Unicode normal form they and the file have makes no difference.
        census: counts the lines of other objects.
        endings: of files, which a UID may have and need not.

    Raises:
        ValueError: it cannot be read.
    """
    originals = {composed(uid): uid for uid in uids}
    texts = _texts(path, originals.keys(), census, endings)
    return {originals[uid]: text for uid, text in texts.items()}


def _texts(path: Path, uids: Collection[str], census: Census, endings: tuple[str, ...]) -> dict[str, str]:
    """Captions by UID in NFC."""
    rows = _rows(path)
    if rows is None:
        return _of_lines(path, uids, census, endings)
    texts: dict[str, str] = {}
    for number, (word, text) in enumerate(rows, 1):
        uid = _uid(word, endings)
        if uid in uids:
            _note(texts, uid, text.strip(), census)
        else:
            census.leave_out(_others(path), [f"row {number}: {word[:60]}"])
    return texts


def _rows(path: Path) -> Iterable[tuple[str, str]] | None:
    """The UIDs and texts of a table; None = its lines are to be read one by one."""
    if path.suffix.lower() in (".csv", ""):
        cells = _cells(next(iter(read_lines(path)), ""))
        if TEXT not in cells or cells[1:] == [TEXT]:  # with two columns, commas of the text count as its own
            return None
    table = TextTable(path)
    columns = {name.strip().lower(): name for name in reversed(table.columns)}
    ids = next((columns[name] for name in IDS if name in columns), None)
    if ids is None or TEXT not in columns:
        there = ", ".join(table.columns) or "(none)"
        raise ValueError(
            f"{path} has the columns {there:.200}: it needs {TEXT}, and {', '.join(IDS[:-1])} or {IDS[-1]}."
        )
    return zip(table.texts(ids), table.texts(columns[TEXT]), strict=True)


def _cells(head: str) -> list[str]:
    """The names of columns, in lower case."""
    return [cell.strip().strip('"') for cell in head.lower().split(",")]


def _of_lines(path: Path, uids: Collection[str], census: Census, endings: tuple[str, ...]) -> dict[str, str]:
    texts: dict[str, str] = {}
    last = ""
    for number, line in enumerate(read_lines(path), 1):
        word, comma, text = line.partition(",")
        uid = _uid(word, endings)
        if number == 1 and _cells(line)[1:] == [TEXT] and _cells(line)[0] in IDS:
            continue
        if comma and uid in uids:
            _note(texts, last := uid, text, census)
        elif last and _open(texts[last]) and not (comma and re.fullmatch(r'[^\s"]+', word)):
            texts[last] = f"{texts[last].strip()} {line}"
        elif line.strip():
            census.leave_out(_others(path), [f"line {number}: {line.strip()[:60]}"])
            last = ""
    return {uid: _unquoted(text.strip()) for uid, text in texts.items()}


def _note(texts: dict[str, str], uid: str, text: str, census: Census) -> None:
    census.leave_out("captions of an object that has another one below", [uid] if uid in texts else [])
    texts[uid] = text


def _others(path: Path) -> str:
    return f"lines of {path.name} without an object of that UID"


def _uid(word: str, endings: tuple[str, ...]) -> str:
    bare = composed(word.strip().strip('"'))
    return next((bare.removesuffix(ending) for ending in endings if bare.endswith(ending)), bare)


def composed(uid: str) -> str:
    """A UID in NFC, in which it is compared; macOS decomposes accents in names of files."""
    return normalize("NFC", uid)


def _open(text: str) -> bool:
    return text.lstrip().startswith('"') and text.count('"') % 2 == 1


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"').strip()
    return text.removeprefix('"').strip() if _open(text) else text
