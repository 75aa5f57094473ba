"""Lists of objects by their UIDs, as Objaverse's users give them out."""

from __future__ import annotations

import json
from collections import Counter
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


def own_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path the object's own name, whatever folders lie above; paths of one name are taken for one object.

    The name is the folder, counted from the end of the path, that has the most different names; the last one of
    several. A folder above numbers that repeat is rather a class, where such folders have at most half as many names as
    there are paths: the name is then the shortest end of the path that no other path has.

    >>> own_names(["a/chair/views", "b/chair/views", "b/table/views"])
    {'a/chair/views': 'chair', 'b/chair/views': 'chair', 'b/table/views': 'table'}
    >>> own_names(["bed/01", "bed/02", "car/01", "car/02", "sofa/01", "sofa/02"])["bed/01"]
    'bed/01'
    """
    parts = {path: path.split("/") for path in paths}
    levels = range(1, 1 + max(map(len, parts.values()), default=1))
    own = max(levels, key=lambda level: len({path[-level] for path in parts.values() if len(path) >= level}))
    names = {path: folders[-min(own, len(folders))] for path, folders in parts.items()}
    varied = (level for level in levels if len({path[-level] for path in parts.values() if len(path) >= level}) > 1)
    last = next(varied, 1)
    lasts = Counter(folders[-min(last, len(folders))] for folders in parts.values())
    counts = all(name.isdecimal() for name, count in lasts.items() if count > 1)
    if own == last or not counts or 2 * len({*names.values()}) > len(names):
        return names
    ends = ({path: "/".join(folders[-level:]) for path, folders in parts.items()} for level in levels)
    return next(end for end in ends if len({*end.values()}) == len(end))


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
