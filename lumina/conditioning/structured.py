"""Conditioning on a caption in plain words and on a structured one, from one prompt or from two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from lumina.conditioning.text import TextConditioner
from lumina.interfaces import TextEncoder
from lumina.text.structured import Event, parse, plain, whole, write
from lumina.values import Wish

STRUCTURED = Wish(
    name="structured",
    type=str,
    form="TEXT",
    several=True,
    parse=lambda text: write(parse(text)) or None,
    help="what is heard and when, '<a dog barks& start>@<rain& all>' say (all, start, mid, end); otherwise the prompt",
)


class PlainText(TextConditioner):
    """The plain caption beside a structured one: of a prompt that is structured it sees the words alone.

    Where users give a structured caption and no prompt, its words are the caption.
    """

    stand_ins: ClassVar[tuple[Wish, ...]] = (STRUCTURED,)

    def __init__(
        self,
        encoder: TextEncoder,
        dropout: float = 0.1,
        key: str = "caption",
        width: int | None = None,
        drop_group: str | None = "text",
    ) -> None:
        super().__init__(encoder, dropout, key, width, drop_group)

    def ask(self, value: str) -> str:
        """The words of a text, structured or not."""
        events = _events(value)
        return plain(events) if events else value


class StructuredText(TextConditioner):
    """The structured caption, ``<a dog barks& start>@<rain& all>`` (Make-An-Audio 2).

    Where users give a prompt alone, it is structured already, or holds all the time: ``<prompt& all>``.
    """

    wish: ClassVar[Wish] = STRUCTURED
    stand_ins: ClassVar[tuple[Wish, ...]] = (TextConditioner.wish,)

    def __init__(
        self,
        encoder: TextEncoder,
        dropout: float = 0.1,
        key: str = "structured",
        width: int | None = None,
        drop_group: str | None = "text",
    ) -> None:
        super().__init__(encoder, dropout, key, width, drop_group)

    def ask(self, value: str) -> str:
        """The structured form of a text, structured or not."""
        events = _events(value)
        return write(events) if events else whole(value)

    def words(self, value: Sequence[str]) -> list[str]:
        """The texts; of one that holds all the time the words alone."""
        return [_readable(text) for text in value]


def _events(text: str) -> list[Event]:
    """Those of a structured text; a text in plain words has none."""
    try:
        return parse(text)
    except ValueError:
        return []


def _readable(text: str) -> str:
    events = _events(text)
    return plain(events) if [position for _, position in events] == ["all"] else text
