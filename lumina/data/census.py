"""Counts the files and records that a run leaves out, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The number of entries left out for one reason, with an example."""

    count: int
    example: str


@dataclass(slots=True)
class Census:
    """Counts left-out entries while data is listed, so that nothing is dropped silently.

    Attributes:
        left_out: entries by reason, which names their kind, such as "broken links".
    """

    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def leave_out(self, reason: str, names: Sequence[str]) -> None:
        """Counts ``names`` as left out for ``reason``."""
        if names:
            self._add(reason, LeftOut(len(names), names[0]))

    def leave_out_by_ending(self, names: Iterable[str]) -> None:
        """Counts files as left out because no reader handles their suffixes."""
        by_ending: dict[str, list[str]] = {}
        for name in names:
            by_ending.setdefault(PurePath(name).suffix.lower(), []).append(name)
        for ending, some in sorted(by_ending.items()):
            self.leave_out(f"files ending in {ending}" if ending else "files without an ending", some)

    def _add(self, reason: str, new: LeftOut) -> None:
        old = self.left_out.get(reason, LeftOut(0, new.example))
        self.left_out[reason] = LeftOut(old.count + new.count, old.example)

    def __add__(self, other: Census) -> Census:
        both = Census(dict(self.left_out))
        for reason, left in other.left_out.items():
            both._add(reason, left)
        return both

    @property
    def count(self) -> int:
        """Total number of entries left out."""
        return sum(left.count for left in self.left_out.values())

    def lines(self, most: int = 10) -> Iterator[str]:
        """One line per reason, the most frequent first; at most ``most``, plus one for the rest."""
        largest = sorted(self.left_out.items(), key=lambda one: (-one[1].count, one[0]))
        for reason, left in largest[:most]:
            yield f"{reason}: {left.count:,}, for example {printable(left.example)}"
        if rest := largest[most:]:
            yield f"other reasons ({len(rest)}): {sum(left.count for _, left in rest):,}"

    def __str__(self) -> str:
        return "; ".join(self.lines()) or "nothing"


def counted(count: int, noun: str) -> str:
    """A number and what it counts.

    >>> counted(1, "object"), counted(1200, "object")
    ('1 object', '1,200 objects')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def printable(name: str) -> str:
    """A printable form of a name: bytes that are not valid Unicode are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()
