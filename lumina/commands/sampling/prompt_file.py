"""Prompts from a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from lumina.commands.sampling.requests import Request, parse_size

OPTIONAL = ("negative", "seed", "size", "points")


def read_prompts(path: Path, default: Request) -> list[Request]:
    """A request a line: a prompt, or in a ``.jsonl`` file an object with ``prompt`` and perhaps more (`OPTIONAL`).

    Args:
        path: a text file in UTF-8; empty lines are left out.
        default: what a line does not say.

    Raises:
        ValueError: for a line that cannot be read, or a file without prompts.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not in UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from error
    found = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise ValueError(f"{path} holds no prompt; write one a line.")
    if path.suffix != ".jsonl":
        return [replace(default, prompts=(line,)) for _, line in found]
    return [_record(line, f"line {number} of {path}", default) for number, line in found]


def _record(line: str, place: str, default: Request) -> Request:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place} is no JSON ({error}).") from error
    if not isinstance(record, dict) or not isinstance(record.get("prompt"), str) or set(record) - {"prompt", *OPTIONAL}:
        raise ValueError(f"{place} must be an object with 'prompt' and perhaps {', '.join(OPTIONAL)}, got {line}.")
    given = {name: value for name, value in record.items() if name in OPTIONAL and value is not None}
    whole = all(type(given.get(name, 1)) is int for name in ("seed", "points"))
    if not isinstance(given.get("negative", ""), str) or not whole or given.get("points", 1) < 1:
        raise ValueError(f"{place}: negative must be a text, seed an integer and points one from 1 on, got {line}.")
    if "size" in given:
        given["size"] = parse_size(given["size"])
    return replace(default, prompts=(record["prompt"],), **given)
