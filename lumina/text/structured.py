r"""Structured captions: which sounds are heard, and when (Make-An-Audio 2).

A structured caption is a list of events joined by ``@``, each ``<description& position>``::

    <train passing& all>@<short honks three times& end>

The position is ``all``, ``start``, ``mid`` or ``end``: a third of the sound, or the whole. Inside a description ``<``,
``>`` and ``\`` stand behind a ``\``; ``&`` and ``@`` stand for themselves, since only the last ``&`` of an event says
where it is. Every text can so be written and is read back exactly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, cast, get_args

Position = Literal["all", "start", "mid", "end"]

Event = tuple[str, Position]
"""A description, and when it is heard."""

POSITIONS: tuple[Position, ...] = get_args(Position)

_SPACE = re.compile(r"\s*")
_EVENT = re.compile(r"<((?:[^<>\\]|\\[<>\\]|\\(?![<>\\]))*+)>")
_ESCAPED = re.compile(r"\\([<>\\])")
_TO_ESCAPE = re.compile(r"[<>\\]")


def write(events: Sequence[Event]) -> str:
    """The text of events, which `parse` reads back exactly; without an event it is empty.

    Raises:
        ValueError: for another position, or a description without words.
    """
    return "@".join(_written(*event) for event in events)


def parse(text: str) -> list[Event]:
    """The events of a text, in its order; an empty text has none.

    White space around events and positions is left out, and positions may be in upper case. A description is taken as
    it is.

    Raises:
        ValueError: the text is not of the grammar; the message says what is wrong and where.
    """
    events = list[Event]()
    place = _after_space(text, 0)
    while place < len(text):
        found = _EVENT.match(text, place)
        if found is None:
            raise _wrong(text, place, _why_no_event(text, place))
        events.append(_event(text, found))
        place = _after_space(text, found.end())
        if place == len(text):
            break
        if text[place] != "@":
            raise _wrong(text, place, "events must be joined by '@'")
        place = _after_space(text, place + 1)
        if place == len(text):
            raise _wrong(text, place, "an event must follow the '@'")
    return events


def whole(caption: str) -> str:
    """The structured caption of a plain one: all of it is heard all the time. An empty caption has no event."""
    return write([(caption, "all")]) if caption.strip() else ""


def plain(events: Sequence[Event]) -> str:
    """The descriptions alone, in order: a plain caption."""
    return ", ".join(description.strip() for description, _ in events)


def structured_or_whole(text: str | None, caption: str) -> tuple[str, bool]:
    """The structured caption of a sample whose file may lack it, or hold a broken one.

    Args:
        text: what the file says; None, or nothing but white space, says nothing.
        caption: the plain caption of the sample.

    Returns:
        The text in its written form; and whether it had to be replaced by that of the plain caption.
    """
    try:
        events = parse(text or "")
    except ValueError:
        events = []
    return (write(events), False) if events else (whole(caption), True)


def _written(description: str, position: str) -> str:
    if position not in POSITIONS:
        raise ValueError(f"position {position!r} of {description!r} must be {_possible()}.")
    if not description.strip():
        raise ValueError(f"the description {description!r} of an event must have words.")
    escaped = _TO_ESCAPE.sub(r"\\\g<0>", description)
    return f"<{escaped}& {position}>"


def _event(text: str, found: re.Match[str]) -> Event:
    description, joined, position = found[1].rpartition("&")
    if not joined:
        raise _wrong(text, found.start(), "the event has no '& position'")
    name = position.strip().lower()
    if name not in POSITIONS:
        at = found.start(1) + len(description) + 1
        raise _wrong(text, at, f"the position must be {_possible()}, got {position.strip()!r}")
    if not description.strip():
        raise _wrong(text, found.start(), "the event describes nothing")
    return _ESCAPED.sub(r"\1", description), cast(Position, name)


def _why_no_event(text: str, place: int) -> str:
    if text[place] != "<":
        return "an event must begin with '<'"
    return r"the event does not end in '>' (inside a description '<' and '>' are written '\<' and '\>')"


def _wrong(text: str, place: int, why: str) -> ValueError:
    return ValueError(
        f"not a structured caption: {why}, at character {place + 1}, {text[place : place + 40]!r}; write events as "
        "'<a dog barks& start>@<rain& all>'."
    )


def _possible() -> str:
    return f"{', '.join(POSITIONS[:-1])} or {POSITIONS[-1]}"


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()
