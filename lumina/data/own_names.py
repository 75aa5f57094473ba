"""The names by which objects are held out, from the paths of their folders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import count

from lumina.data.captions import composed
from lumina.data.census import counted, printable

PASSES = re.compile(
    r"(batch|pass|render|run|seed|session|take|trial|version|view|v)s?[-_. ]?\d+"
    r"|(19|20)\d\d[-_.][01]\d([-_.].*)?",
    re.IGNORECASE,
)
"""Names of folders that count passes over the objects, or date them."""


def own_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path the object's own name, whatever folders lie above; paths of one name are taken for one object.

    The name is the folder, counted from the end of the path, that has the most different names; the last one of
    several. Folders that count passes over the objects, such as seed0 and seed1 or dates, name none, unless no others
    differ. A folder above numbers that repeat is rather a class, where such folders have at most half as many names as
    there are paths: the name is then the shortest end of the path that no other path has.

    >>> own_names(["a/chair/views", "b/chair/views", "b/table/views"])
    {'a/chair/views': 'chair', 'b/chair/views': 'chair', 'b/table/views': 'table'}
    >>> own_names(["bed/01", "bed/02", "car/01", "car/02", "sofa/01", "sofa/02"])["bed/01"]
    'bed/01'
    >>> own_names(["seed0/bed", "seed1/bed", "seed2/bed", "seed0/car"])["seed1/bed"]
    'bed'
    """
    parts = _without_passes({path: composed(path).split("/") for path in paths})
    levels = _varied(parts.values()) or {1: set()}
    own, last = max(levels, key=lambda level: len(levels[level])), min(levels)
    names = {path: folders[-min(own, len(folders))] for path, folders in parts.items()}
    lasts = Counter(folders[-min(last, len(folders))] for folders in parts.values())
    counts = all(name.isdecimal() for name, times in lasts.items() if times > 1)
    different = len({*map(tuple, parts.values())})
    if own == last or not counts or 2 * len({*names.values()}) > different:
        return names
    ends = ({path: "/".join(folders[-level:]) for path, folders in parts.items()} for level in count(1))
    return next(end for end in ends if len({*end.values()}) == different)


def doubtful(names: Mapping[str, str]) -> str | None:
    """What to check of `own_names`; None = each path has a name of its own, which is its last folder that varies."""
    parts = {path: composed(path).split("/") for path in names}
    last = min(_varied(parts.values()), default=1)
    times = Counter(names.values())
    shared = [path for path, name in names.items() if times[name] > 1]
    above = [path for path, name in names.items() if name != parts[path][-min(last, len(parts[path]))]]
    if not shared and not above:
        return None
    path = [*shared, *above][0]
    told = f"{len(names):,} folders are held out by {counted(len(times), 'name')}, for example {path} as {names[path]}"
    if not shared and "/" in names[path]:
        told = f"folders with the same number count as different objects, for example {path}"
    doubted = above or 2 * len(times) <= len(names)
    advice = "; if that is not the object, split them into folders train, val and test instead" if doubted else ""
    return printable(told + advice)


def _without_passes(parts: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """The folders of each path without those that count passes, unless no others differ."""
    rest = {
        path: [folder for folder in folders if not PASSES.fullmatch(folder)] or folders
        for path, folders in parts.items()
    }
    return rest if len({*map(tuple, rest.values())}) > 1 else parts


def _varied(paths: Collection[Sequence[str]]) -> dict[int, set[str]]:
    """The different names at each level of folders that has several; levels count from 1, from the end of a path."""
    levels = range(1, 1 + max(map(len, paths), default=0))
    found = {level: {path[-level] for path in paths if len(path) >= level} for level in levels}
    return {level: names for level, names in found.items() if len(names) > 1}
