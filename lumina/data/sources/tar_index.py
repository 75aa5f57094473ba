"""Where the members of a tar lie."""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lumina.data.arrays import Arrays
from lumina.data.census import Census

Span = tuple[int, int]
"""Offset and size in bytes."""

Samples = dict[str, list[Span]]
"""By their names, where their members of each kind lie."""

NONE: Span = (-1, -1)


def read_index(path: Path, kinds: Mapping[str, int], texts: bool) -> Arrays:
    """The samples of a tar, and what was left out.

    Args:
        path: the tar, not compressed.
        kinds: number of each ending, with its dot, in lower case; 0 = that of a medium.
        texts: a sample needs a text beside its medium.

    Returns:
        ``keys`` ``[N]``, names of the samples; ``spans`` ``[N, kind, 2]``, offset and size of their members, -1 where
        there is none; ``reasons``, ``counts``, ``examples`` ``[R]``, as a `Census` has them.

    Raises:
        ValueError: the tar cannot be read to its end.
    """
    reading = _Reading(kinds)
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                reading.take(member)
                tar.members = []  # type: ignore[attr-defined]  # else it keeps all of them
            _check_end(path, tar.offset)
    except tarfile.TarError as error:
        raise ValueError(f"{path} is not a whole uncompressed tar ({error}); fetch it again, or remove it.") from error
    reading.resolve_links()
    found = reading.samples(texts)
    left_out = reading.census.left_out
    return {
        "keys": np.array(list(found), np.str_),
        "spans": np.array(list(found.values()), np.int64).reshape(-1, max(kinds.values()) + 1, 2),
        "reasons": np.array(list(left_out), np.str_),
        "counts": np.array([left.count for left in left_out.values()], np.int64),
        "examples": np.array([left.example for left in left_out.values()], np.str_),
    }


class _Reading:
    def __init__(self, kinds: Mapping[str, int]) -> None:
        self.kinds, self.census = kinds, Census()
        self.by_length = sorted(kinds, key=len, reverse=True)
        self.whole: Samples = {}  # samples named up to the first dot
        self.dotted: Samples = {}  # those named up to a later one
        self.links: list[tuple[str, str]] = []
        self.others: list[str] = []

    def take(self, member: tarfile.TarInfo) -> None:
        """Notes where a member lies, if it is wanted."""
        name = posixpath.normpath(member.name)
        if member.isdir() or posixpath.basename(name).startswith("."):
            return
        if member.isreg():
            self.add(name, (member.offset_data, member.size))
        elif member.islnk():
            self.links.append((name, posixpath.normpath(member.linkname)))
        elif member.issym():
            self.links.append((name, posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))))
        else:
            self.census.leave_out("members that are neither files nor links", [name])

    def add(self, name: str, span: Span) -> None:
        """Notes where the content of a name lies."""
        slot = self._slot(name)
        if slot is None:
            self.others.append(name)
            return
        samples, key, kind = slot
        spans = samples.setdefault(key, [NONE] * (max(self.kinds.values()) + 1))
        if spans[kind] != NONE:
            self.census.leave_out("members whose name comes again", [name])
        spans[kind] = span

    def resolve_links(self) -> None:
        """Gives links the spans of the members that they point to."""
        for name, target in self.links:
            samples, key, kind = self._slot(target) or ({}, "", 0)
            spans = samples.get(key)
            if spans is None or spans[kind] == NONE:
                self.census.leave_out("links that lead nowhere", [name])
            else:
                self.add(name, spans[kind])

    def samples(self, texts: bool) -> Samples:
        """The samples with all that they need; the others are left out."""
        found: Samples = {}
        for named in (self.whole, self.dotted):
            for key, spans in named.items():
                has_text = any(span != NONE for span in spans[1:])
                if spans[0] == NONE:
                    self.census.leave_out("samples without a medium", [key])
                elif texts and not has_text:
                    self.census.leave_out("samples without a text or .json", [key])
                elif named is self.dotted and not has_text and _first_dot(key)[0] in self.whole:
                    self.others.append(key)  # a further field of that sample, as a mask
                else:
                    found[key] = spans
        self.census.leave_out_by_ending(self.others)
        return found

    def _slot(self, name: str) -> tuple[Samples, str, int] | None:
        """The sample and the kind that a member belongs to; None = it is of no wanted kind."""
        stem, ending = _first_dot(name)
        if ending in self.kinds:
            return self.whole, stem, self.kinds[ending]
        ending = next((kind for kind in self.by_length if name.lower().endswith(kind)), "")
        return (self.dotted, name[: -len(ending)], self.kinds[ending]) if ending else None


def _first_dot(name: str) -> tuple[str, str]:
    """A member's name up to the first dot of its file name, and its ending in lower case."""
    folder, slash, base = name.rpartition("/")
    stem, dot, ending = base.partition(".")
    return f"{folder}{slash}{stem}", f"{dot}{ending.lower()}"


def _check_end(path: Path, offset: int) -> None:
    """Refuses a tar that ends, or is damaged, where a member's header should be: tarfile stops there in silence."""
    with path.open("rb") as file:
        file.seek(offset)
        if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError(f"cut off or damaged at byte {offset}")
        while rest := file.read(2**20):
            if rest.strip(b"\0"):
                raise tarfile.ReadError(f"more data follow its end at byte {offset}, as where tars were joined")
