"""Requests from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lumina.generation.requests import Request
from lumina.generation.wishes import Wishes

LINES, LIST, TEXTS = (".jsonl", ".ndjson"), ".json", (".txt", ".text", ".prompt", "")


def read_prompts(path: Path, wishes: Wishes, default: Request) -> list[Request]:
    """The requests of a file, whose ending, in upper or lower case, says what it is.

    ``.txt`` (or no ending) has a prompt a line, ``.jsonl`` an object a line with the wishes of the model by their names
    and perhaps ``seed``, ``.json`` a list of such objects or of prompts. A prompt alone is what `Wishes.line` takes it
    for.

    Args:
        path: a file in UTF-8; empty lines are left out.
        wishes: of the model.
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
    records = _items(text, path) if ending == LIST else _lines(text, path, ending in LINES)
    found = [_request(record, place, wishes, default) for place, record in records]
    if not found:
        raise ValueError(f"{path} holds no prompt; write one a line.")
    return found


def _items(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    records = _json(text, str(path))
    if not isinstance(records, list):
        raise ValueError(f"{path} must be a list of prompts or of objects with 'prompt'; an object a line is .jsonl.")
    for number, record in enumerate(records, 1):
        yield f"item {number} of {path}", record


def _lines(text: str, path: Path, json: bool) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            place = f"line {number} of {path}"
            yield place, _objects(line, place) if json else line.strip()


def _objects(line: str, place: str) -> Any:
    record = _json(line, place)
    if isinstance(record, str):
        raise ValueError(f"{place} must be an object, got {line.strip()}.")
    return record


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_named_once)
    except (ValueError, RecursionError) as error:  # of a number too long, or lists in lists without end
        raise ValueError(f"{place} is not valid JSON ({error}).") from error


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, whose later values would otherwise replace earlier ones of the same name."""
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(name for name in record if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"it gives {twice!r} more than once")
    return record


def _request(record: Any, place: str, wishes: Wishes, default: Request) -> Request:
    if isinstance(record, str):
        if wishes.line is None:
            raise ValueError(f"{place} is a prompt, but this model was trained with no conditions.")
        record = {wishes.line.name: record}
    fields = [*wishes.all, "seed"]
    if not isinstance(record, dict) or not record or set(record) - set(fields):
        shown = json.dumps(record, ensure_ascii=False)
        raise ValueError(f"{place} must be an object with {' or '.join(fields)}, got {shown}.")
    given = {name: value for name, value in record.items() if value is not None}
    seed = given.pop("seed", default.seed)
    if seed is not None and type(seed) is not int:
        raise ValueError(f"{place}: seed must be an integer, got {seed!r}.")
    try:
        asked = {**default.asked, **{name: wishes.read(name, value) for name, value in given.items()}}
        request = replace(default, asked=asked, seed=seed)
        wishes.modality.check_request(request.only(wishes.canvas))
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
    return request
