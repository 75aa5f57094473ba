"""Reads the labels of all records of a source before the first step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from lumina.data.arrays import Arrays, cached, stamp
from lumina.data.sources.folder import ClassFolders
from lumina.data.sources.source import Fields, Source
from lumina.errors import CorruptSample

USUAL = ("label", "cls", "labels", "class", "class_name", "category")
"""Usual names of the label field, in order of preference; ``cls`` holds a number as text."""

Labels = npt.NDArray[Any]
"""``[N]``: int64, -1 = no label; or class names, empty = no label."""

Numbers = npt.NDArray[np.int64]
"""``[N]``, class numbers from 0, or `UNLABELLED` or `OTHER`."""

UNLABELLED, OTHER = -1, -2
"""A record without a label, and a record of a class that is not listed."""


def label_of(record: Fields, names: Sequence[str] = USUAL) -> int | str:
    """The label of a record: a number from 0, or a class name.

    Raises:
        ValueError: the record has no valid label.
    """
    name = next((name for name in names if record.get(name) is not None), None)
    if name is None:
        raise ValueError(f"no label: looked for {', '.join(names)}; the record has: {', '.join(record) or 'no fields'}")
    value = int(record[name]) if name == "cls" else record[name]
    value = value.strip() if isinstance(value, str) else value
    if isinstance(value, int) and value >= 0:
        return int(value)
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"the label is {value!r}, expected a number from 0 or the name of a class")


def labels_of(source: Source, names: Sequence[str], cache: Path | None) -> Labels:
    """The labels of all records.

    Args:
        source: the records.
        names: names of the label field, in order of preference.
        cache: folder in which the labels are cached, since reading all records may be slow; None = no cache.

    Raises:
        ValueError: no record has a label, or some are numbers and some are names.
    """
    if isinstance(source, ClassFolders):  # labels come from the paths, so no cache is needed
        return _read(source, names)["labels"]
    return cached(cache, f"labels-{stamp(source.stamp, names)}", lambda: _read(source, names))["labels"]


def _read(source: Source, names: Sequence[str]) -> Arrays:
    labels: list[int | str | None] = []
    wrong = ""
    for index in tqdm(range(len(source)), "Labels", delay=2, disable=None):
        try:
            with source.blamed(index):
                labels.append(label_of(source.fields(index), names))
        except CorruptSample as error:
            labels.append(None)  # reported and counted when it is served
            wrong = wrong or str(error)
    kinds = {type(label) for label in labels} - {type(None)}
    if not kinds:
        raise ValueError(f"None of the {len(labels)} records in {source.root} has a label; the first is {wrong}.")
    if len(kinds) > 1:
        raise ValueError(f"Some labels in {source.root} are numbers and some are names: use one of the two.")
    none = -1 if kinds == {int} else ""
    return {"labels": np.array([none if label is None else label for label in labels])}


def class_names(labels: Labels) -> tuple[str, ...]:
    """The class names in the order of their numbers; names are sorted."""
    if labels.dtype.kind == "i":
        return tuple(str(number) for number in range(int(labels.max()) + 1))
    return tuple(name for name in np.unique(labels).tolist() if name)


def numbered(labels: Labels, classes: Sequence[str]) -> Numbers:
    """The index of each label in ``classes``, or `OTHER` or `UNLABELLED`."""
    indices = {"": UNLABELLED, "-1": UNLABELLED} | {name: index for index, name in enumerate(classes)}
    present, which = np.unique(labels, return_inverse=True)
    return np.array([indices.get(str(label), OTHER) for label in present.tolist()], np.int64)[which]
