"""Indexes the members of a tar by their byte offsets."""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from lumina.data.arrays import Arrays
from lumina.data.census import Census

Span = tuple[int, int]
"""Offset and size of a member in bytes."""

Samples = dict[str, list[Span]]
"""Samples by name, each with the spans of its members by kind."""

NONE: Span = (-1, -1)


def read_index(path: Path, kinds: Mapping[str, int], texts: bool) -> Arrays:
    """The samples of a tar, and what was left out.

    Args:
        path: the uncompressed tar.
        kinds: number of each suffix (lower case, with the dot); 0 = a medium.
        texts: whether a sample needs a text as well as a medium.

    Returns:
        ``keys`` ``[N]``, names of the samples; ``spans`` ``[N, kind, 2]``, offset and size of their members, -1 =
        missing; ``reasons``, ``counts``, ``examples`` ``[R]``, the fields of a `Census`.

    Raises:
        ValueError: the tar cannot be read to its end.
    """
    reading = _Reading(kinds)
    for member in members_of(path):
        reading.take(member)
    reading.resolve_links()
    samples = reading.samples(texts)
    left_out = reading.census.left_out
    return {
        "keys": np.array(list(samples), np.str_),
        "spans": np.array(list(samples.values()), np.int64).reshape(-1, max(kinds.values()) + 1, 2),
        "reasons": np.array(list(left_out), np.str_),
        "counts": np.array([left.count for left in left_out.values()], np.int64),
        "examples": np.array([left.example for left in left_out.values()], np.str_),
    }


def members_of(path: Path) -> Iterator[tarfile.TarInfo]:
    """The members of an uncompressed tar, one at a time.

    Raises:
        ValueError: the tar cannot be read to its end.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                yield member
                tar.members = []  # type: ignore[attr-defined]  # otherwise tarfile keeps all of them in memory
            _check_end(path, tar.offset)
    except tarfile.TarError as error:
        raise ValueError(
            f"{path} is not a complete uncompressed tar ({error}); download it again, or remove it."
        ) from error


def link_target(member: tarfile.TarInfo) -> str | None:
    """The name of the member that a hard or symbolic link points to; None = the member is no link."""
    folder = posixpath.dirname(member.name) if member.issym() else ""
    return posixpath.normpath(posixpath.join(folder, member.linkname)) if member.issym() or member.islnk() else None


class _Reading:
    def __init__(self, kinds: Mapping[str, int]) -> None:
        self.kinds, self.census = kinds, Census()
        self.by_length = sorted(kinds, key=len, reverse=True)
        self.whole: Samples = {}  # samples whose name ends at the first dot
        self.dotted: Samples = {}  # samples whose name ends at a later dot
        self.links: list[tuple[str, str]] = []
        self.others: list[str] = []

    def take(self, member: tarfile.TarInfo) -> None:
        """Records the position of a member, if it is wanted."""
        name = posixpath.normpath(member.name)
        if member.isdir() or posixpath.basename(name).startswith("."):
            return
        if member.isreg():
            self.add(name, (member.offset_data, member.size))
        elif (target := link_target(member)) is not None:
            self.links.append((name, target))
        else:
            self.census.leave_out("members that are neither files nor links", [name])

    def add(self, name: str, span: Span) -> None:
        """Records the span of a member under its name."""
        slot = self._slot(name)
        if slot is None:
            self.others.append(name)
            return
        samples, key, kind = slot
        spans = samples.setdefault(key, [NONE] * (max(self.kinds.values()) + 1))
        if spans[kind] != NONE:
            self.census.leave_out("members with a duplicate name", [name])
        spans[kind] = span

    def resolve_links(self) -> None:
        """Gives links the spans of the members that they point to."""
        for name, target in self.links:
            samples, key, kind = self._slot(target) or ({}, "", 0)
            spans = samples.get(key)
            if spans is None or spans[kind] == NONE:
                self.census.leave_out("broken links", [name])
            else:
                self.add(name, spans[kind])

    def samples(self, texts: bool) -> Samples:
        """The complete samples; the others are left out."""
        complete: Samples = {}
        for named in (self.whole, self.dotted):
            for key, spans in named.items():
                has_text = any(span != NONE for span in spans[1:])
                if spans[0] == NONE:
                    self.census.leave_out("samples without a medium", [key])
                elif texts and not has_text:
                    self.census.leave_out("samples without a text or .json", [key])
                elif named is self.dotted and not has_text and _first_dot(key)[0] in self.whole:
                    self.others.append(key)  # another field of that sample, such as a mask
                else:
                    complete[key] = spans
        self.census.leave_out_by_ending(self.others)
        return complete

    def _slot(self, name: str) -> tuple[Samples, str, int] | None:
        """The sample and the kind of a member; None = not wanted."""
        stem, ending = _first_dot(name)
        if ending in self.kinds:
            return self.whole, stem, self.kinds[ending]
        ending = next((kind for kind in self.by_length if name.lower().endswith(kind)), "")
        return (self.dotted, name[: -len(ending)], self.kinds[ending]) if ending else None


def _first_dot(name: str) -> tuple[str, str]:
    """A member's name up to the first dot of its file name, and its suffix in lower case."""
    folder, slash, base = name.rpartition("/")
    stem, dot, ending = base.partition(".")
    return f"{folder}{slash}{stem}", f"{dot}{ending.lower()}"


def _check_end(path: Path, offset: int) -> None:
    """Refuses a tar that is cut off or damaged at a member's header, where tarfile stops silently."""
    with path.open("rb") as file:
        file.seek(offset)
        if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError(f"cut off or damaged at byte {offset}")
        while rest := file.read(2**20):
            if rest.strip(b"\0"):
                raise tarfile.ReadError(f"more data follows its end at byte {offset}, as in concatenated tars")
