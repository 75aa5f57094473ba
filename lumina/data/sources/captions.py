"""Reads the caption of a record, or its pool of captions from several captioners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

USUAL = ("caption", "captions", "text", "prompt", "txt", "conversations")
"""Usual names of the caption field, in order of preference; ``txt`` is a text file beside the medium."""


def caption_pool(record: Mapping[str, Any], names: Sequence[str] | None = None) -> list[str]:
    """The captions of a record, stripped of white space; empty captions are included.

    A field is a text, a list of texts, or a conversation whose second turn is the caption
    (``[{...}, {"value": "a cat"}]``, the format of the Lumina authors' data).

    Args:
        record: fields of the record.
        names: fields that together form the pool; None = the first of `USUAL` that is present.

    Raises:
        ValueError: the record has no caption.
    """
    present = [name for name in names or USUAL if record.get(name) is not None]
    chosen = present if names else present[:1]
    pool = [text for name in chosen for text in _texts(name, record[name])]
    if not pool:
        looked = ", ".join(names or USUAL)
        raise ValueError(f"no caption: looked for {looked}; the record has: {', '.join(record) or 'no fields'}")
    return pool


def _texts(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if len(values) > 1 and isinstance(values[1], Mapping):
        values = [values[1].get("value")]
    strange = {type(one).__name__ for one in values if not isinstance(one, str | None)}
    if strange:
        raise ValueError(f"the caption {name!r} is {' and '.join(sorted(strange))}, expected a text or a list of texts")
    return [_unicode(name, one.strip()) for one in values if one is not None]


def _unicode(name: str, text: str) -> str:
    """Checks a text: tokenizers reject invalid Unicode (lone surrogates), which JSON can contain."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the caption {name!r} is invalid Unicode (a lone surrogate): {text!r}") from error
    return text
