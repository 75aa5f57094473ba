"""What was left out where a run looks for its data, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many were left out for one reason, and one of them."""

    count: int
    example: str


@dataclass(slots=True)
class Census:
    """Fills while data are listed, so that nothing vanishes unsaid.

    Attributes:
        left_out: by the reason, which says what they are: "links that lead nowhere".
    """

    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def leave_out(self, reason: str, names: Sequence[str]) -> None:
        """Counts ``names`` as left out for ``reason``."""
        if names:
            self._add(reason, LeftOut(len(names), names[0]))

    def leave_out_by_ending(self, names: Iterable[str]) -> None:
        """Counts files as left out because nothing reads files of their endings."""
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
        """How many were left out, for all reasons together."""
        return sum(left.count for left in self.left_out.values())

    def lines(self, most: int = 10) -> Iterator[str]:
        """A line a reason, the largest first; at most ``most``, and one for the rest."""
        largest = sorted(self.left_out.items(), key=lambda one: (-one[1].count, one[0]))
        for reason, left in largest[:most]:
            yield f"{reason}: {left.count:,}, for example {printable(left.example)}"
        if rest := largest[most:]:
            yield f"other reasons ({len(rest)}): {sum(left.count for _, left in rest):,}"

    def __str__(self) -> str:
        return "; ".join(self.lines()) or "nothing"


def printable(name: str) -> str:
    """A name with its bytes that are not Unicode spelt out, so that it can be printed anywhere."""
    return name.encode("utf-8", "backslashreplace").decode()
