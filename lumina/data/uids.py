"""Lists of objects by their UIDs, as Objaverse's users give them out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from lumina.data.captions import IDS, composed
from lumina.data.census import Census
from lumina.data.csv_file import read_lines


def uids_of(name: str) -> Iterator[str]:
    """What a list may call an object: its path, its folder, or any part of its path, the last ones first; in NFC.

    >>> list(uids_of("0/10019/views"))
    ['0/10019/views', 'views', '10019/views', '10019', '0/10019', '0']
    """
    name = composed(name)
    yield name
    parts = name.split("/")
    spans = sorted(combinations(range(len(parts) + 1), 2), key=lambda span: (-span[1], -span[0]))
    yield from ("/".join(parts[first:last]) for first, last in spans if last - first < len(parts))


def known(values: Mapping[str, str], name: str) -> str | None:
    """The value of an object by one of its UIDs; None = there is none."""
    return next((values[uid] for uid in uids_of(name) if uid in values), None)


def listed(path: Path, names: Sequence[str], census: Census) -> list[int]:
    """The indices of those objects that a list names.

    Args:
        path: .json with a list of UIDs, or with classes and the list of each; else UIDs, one a line, of which what
            follows a comma is not read.
        names: of the objects, as paths.
        census: counts what is listed and not there, and what is there and not listed.

    Raises:
        ValueError: the list cannot be read, or names none of the objects.
    """
    wanted = {composed(uid) for uid in _read(path)}
    of_each = [next((uid for uid in uids_of(name) if uid in wanted), None) for name in names]
    found = [index for index, uid in enumerate(of_each) if uid is not None]
    census.leave_out(f"objects of {path.name} that are not there", sorted(wanted - set(of_each)))
    census.leave_out(f"objects not in {path.name}", [names[index] for index, uid in enumerate(of_each) if uid is None])
    if not found:
        raise ValueError(f"{path} names none of the {len(names)} objects, {names[0]!r} say, among {len(wanted)} UIDs.")
    return found


def _read(path: Path) -> Iterable[str]:
    lines = read_lines(path)
    if path.suffix.lower() == ".json":
        return _of_json(path, "\n".join(lines))
    cells = [line.partition(",")[0].strip().strip('"') for line in lines]
    return (cell for number, cell in enumerate(cells) if cell and (number or cell.lower() not in IDS))


def _of_json(path: Path, text: str) -> list[str]:
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}).") from error
    lists = list(content.values()) if isinstance(content, dict) else [content]
    if not all(isinstance(one, list) and all(isinstance(uid, str) for uid in one) for one in lists):
        raise ValueError(f"{path} must hold a list of UIDs, or classes with the list of each.")
    return [uid for one in lists for uid in one]
