"""Structured captions by a language model: what it is asked, and which answers are taken."""

from __future__ import annotations

import re

from lumina.text.structured import parse, write

Message = dict[str, str]

INSTRUCTION = (
    "You turn the caption of a sound into a list of its events. Write each event as <description& position>, where the "
    "position is start, mid or end for a sound that is heard in that third alone, and all for a sound that is heard "
    "throughout or whose place the caption does not say. Join the events with @, in the order in which they are heard."
    " Use the words of the caption, leave no sound out and add none. Answer with the list alone."
)

EXAMPLES = (
    ("A dog barks twice and then a car drives by", "<a dog barks twice& start>@<a car drives by& end>"),
    (
        "Rain falls steadily while thunder rumbles in the distance",
        "<rain falls steadily& all>@<thunder rumbles in the distance& all>",
    ),
    (
        "Someone knocks on a door, a man says hello, and finally the door creaks open",
        "<someone knocks on a door& start>@<a man says hello& mid>@<the door creaks open& end>",
    ),
    ("a siren wails", "<a siren wails& all>"),
    (
        "Birds chirp throughout, with a church bell ringing near the end",
        "<birds chirp& all>@<a church bell ringing& end>",
    ),
)

SMALL = frozenset(
    "the and then with while are was were has have for from into onto over near after before followed finally some its "
    "his her their there this that background throughout beginning end start middle".split()
)
"""Words that name no sound."""


def messages(caption: str) -> list[Message]:
    """The chat that asks for the structure of a caption: what to do, examples, the caption."""
    chat = list[Message]()
    for number, (plain, structured) in enumerate((*EXAMPLES, (caption, ""))):
        chat.append({"role": "user", "content": plain if number else f"{INSTRUCTION}\n\n{plain}"})
        chat.append({"role": "assistant", "content": structured})
    return chat[:-1]


def checked(answer: str, caption: str) -> str:
    """The structured caption of a model's answer.

    What stands before its first ``<`` and after its last ``>`` is left out. Each event has to share a word with the
    caption, and all together at least half of its words; the first four letters of a word count.

    Raises:
        ValueError: the answer is not of the grammar, or of another caption; the message says which.
    """
    found = re.search(r"<.*>", answer, re.DOTALL)
    if found is None:
        raise ValueError("there is no <event> in it")
    events, wanted, named = parse(found[0]), _words(caption), set[str]()
    for description, _ in events:
        words = _words(description)
        if wanted and not words & wanted:
            raise ValueError(f"the caption has no event {description!r}")
        named |= words
    if 2 * len(wanted & named) < len(wanted):
        raise ValueError("it leaves more than half of the caption's words out")
    return write(events)


def _words(text: str) -> set[str]:
    """The beginnings of its words that may name a sound; of scripts without spaces the single letters."""
    found = set[str]()
    for word in re.findall(r"[^\W\d_]+", text.lower()):
        if not word.isascii():
            found |= set(word)
        elif len(word) > 2 and word not in SMALL:
            found.add(word[:4])
    return found
