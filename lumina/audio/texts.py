"""The captions of a sound: plain ones and structured ones, from its record or from the name of its file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from lumina.data.arrays import Arrays, cached, stamp
from lumina.data.census import Census, LeftOut
from lumina.data.sources import Source, caption_pool
from lumina.data.sources.captions import USUAL
from lumina.data.splits import WORDS
from lumina.errors import CorruptSample
from lumina.text.structured import structured_or_whole

PLAIN = ("ori_cap", *USUAL)
"""Usual names of the plain caption, in order of preference."""

STRUCTURED = ("structured", "structured_caption", "struct_cap")
"""Usual names of the structured caption, in order of preference."""

Origin = Literal["texts", "names", "folders"]
"""Captions are texts beside the sounds, or the names of their files, or of the folders that these lie in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captions:
    """Where the captions of a source's records are found.

    Attributes:
        origin: of the plain ones.
        plain: names of the fields that together are the pool of plain captions; None = a usual one.
        structured: name of the field of the structured caption; None = a usual one; in a record with ``ori_cap``, as
            Make-An-Audio's tables have it, that is ``caption``.
    """

    origin: Origin = "texts"
    plain: tuple[str, ...] | None = None
    structured: str | None = None

    def of(self, source: Source, index: int) -> tuple[list[str], list[str], str]:
        """The pool of plain captions; the structured one for each of them; and one that is not of the grammar.

        Raises:
            CorruptSample: the record cannot be read, or has no caption.
        """
        fields = source.fields(index)
        with source.blamed(index):
            pool = self._pool(source, index, fields)
            text = self._structured(fields)
        found = [structured_or_whole(text, caption) for caption in pool]
        invalid = text if text and text.strip() and found[0][1] else ""
        return pool, [structured for structured, _ in found], invalid

    def _pool(self, source: Source, index: int, fields: Mapping[str, Any]) -> list[str]:
        if self.origin == "texts":
            return caption_pool(fields, self.plain or tuple(name for name in PLAIN if fields.get(name) is not None)[:1])
        path = PurePath(source.file_name(index))
        return [words(path.stem if self.origin == "names" else _folder(path))]

    def _structured(self, fields: Mapping[str, Any]) -> str | None:
        usual = (*STRUCTURED, *(("caption",) if fields.get("ori_cap") is not None else ()))
        names = usual if self.structured is None else (self.structured,)
        value = next((fields[name] for name in names if fields.get(name) is not None), None)
        return None if value is None else str(value)


def words(name: str) -> str:
    """The words of a file's name: ``"ambi_choir"`` is ``"ambi choir"``."""
    return re.sub(r"[\s_.-]+", " ", name).strip()


def _folder(path: PurePath) -> str:
    name = next((part for part in reversed(path.parts[:-1]) if part.lower() not in WORDS), None)
    if name is None:
        raise ValueError("it lies in no folder whose name could be its caption")
    return name


def census_of(captions: Captions, source: Source, cache: Path | None) -> Census:
    """Counts the records whose captions are empty, or whose structured captions are replaced.

    Args:
        captions: where they are.
        source: the records; all are read.
        cache: folder for the counts, as reading all records may be slow; None = count each time.
    """
    arrays = cached(cache, f"texts-{stamp(source.stamp, captions)}", lambda: _counted(captions, source))
    census = Census()
    for reason, count, example in zip(arrays["reasons"], arrays["counts"], arrays["examples"], strict=True):
        census.left_out[str(reason)] = LeftOut(int(count), str(example))
    return census


def _counted(captions: Captions, source: Source) -> Arrays:
    empty: list[str] = []
    invalid: list[str] = []
    for index in tqdm(range(len(source)), "Captions", delay=2, disable=None):
        try:
            pool, _, wrong = captions.of(source, index)
        except CorruptSample:
            continue  # reported and counted when it is served
        empty += [] if any(pool) else [source.name(index)]
        invalid += [f"{source.name(index)}: {wrong[:60]!r}"] if wrong else []
    return _as_arrays(
        {
            "captions without words (kept, as examples without a condition)": empty,
            "structured captions outside of the grammar (<caption& all> is taken)": invalid,
        }
    )


def _as_arrays(found: Mapping[str, Sequence[str]]) -> Arrays:
    named = {reason: names for reason, names in found.items() if names}
    return {
        "reasons": np.array(list(named), np.str_),
        "counts": np.array([len(names) for names in named.values()], np.int64),
        "examples": np.array([names[0] for names in named.values()], np.str_),
    }
