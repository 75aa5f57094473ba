"""Prompts from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lumina.generation.requests import Request, parse_size

OPTIONAL = ("negative", "seed", "size", "points")
LINES, LIST, TEXTS = (".jsonl", ".ndjson"), ".json", (".txt", ".text", ".prompt", "")


def read_prompts(path: Path, default: Request) -> list[Request]:
    """The requests of a file, whose ending, in upper or lower case, says what it is.

    ``.txt`` (or no ending) has a prompt a line, ``.jsonl`` an object a line with ``prompt`` and perhaps more
    (`OPTIONAL`), ``.json`` a list of such objects or of prompts.

    Args:
        path: a file in UTF-8; empty lines are left out.
        default: what a record does not say.

    Raises:
        ValueError: for a file of another ending, a record that cannot be read, or a file without prompts.
    """
    ending = path.suffix.lower()
    if ending not in (*LINES, LIST, *TEXTS):
        raise ValueError(
            f"{path}: prompts are read from .txt (one a line), .jsonl (an object a line) and .json (a list), not from "
            f"{path.suffix} files."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not in UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from error
    if ending == LIST:
        found = [_record(record, f"item {number} of {path}", default) for number, record in _items(text, path)]
    else:
        lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        read = _line if ending in LINES else _text
        found = [read(line, f"line {number} of {path}", default) for number, line in lines]
    if not found:
        raise ValueError(f"{path} holds no prompt; write one a line.")
    return found


def _items(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    records = _json(text, str(path))
    if not isinstance(records, list):
        raise ValueError(f"{path} must be a list of prompts or of objects with 'prompt'; an object a line is .jsonl.")
    for number, record in enumerate(records, 1):
        yield number, {"prompt": record} if isinstance(record, str) else record


def _text(line: str, place: str, default: Request) -> Request:
    return replace(default, prompts=(line,))


def _line(line: str, place: str, default: Request) -> Request:
    return _record(_json(line, place), place, default)


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place} is no JSON ({error}).") from error


def _record(record: Any, place: str, default: Request) -> Request:
    shown = json.dumps(record, ensure_ascii=False)
    if not isinstance(record, dict) or not isinstance(record.get("prompt"), str) or set(record) - {"prompt", *OPTIONAL}:
        raise ValueError(f"{place} must be an object with 'prompt' and perhaps {', '.join(OPTIONAL)}, got {shown}.")
    given = {name: value for name, value in record.items() if name in OPTIONAL and value is not None}
    whole = all(type(given.get(name, 1)) is int for name in ("seed", "points"))
    if not isinstance(given.get("negative", ""), str) or not whole or given.get("points", 1) < 1:
        raise ValueError(f"{place}: negative must be a text, seed an integer and points one from 1 on, got {shown}.")
    if "size" in given:
        given["size"] = parse_size(given["size"])
    return replace(default, prompts=(record["prompt"],), **given)
