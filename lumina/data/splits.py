"""Which part of the data is for training, validation and test: told by the names of folders and files."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lumina.values import Split

WORDS: dict[str, Split] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""Names of splits, in lower case."""

DEEPEST = 3  # folders on the way to a file whose names may say its split
UNSPLIT = f"files of no split, where others are ({', '.join(WORDS)})"


def split_named(name: str) -> Split | None:
    """The split that a folder's name says, or the first word of a file's: ``train-00000-of-00002.parquet``."""
    return WORDS.get(re.split(r"[-_.]", name.lower())[0])


@dataclass(frozen=True, slots=True)
class Level:
    """Where on the way to a file its split is named.

    Attributes:
        folder: number of the folder, from 0; None = the file itself.
    """

    folder: int | None

    def name(self, file: str) -> str:
        """The name that says the split of a file, empty where the way is too short."""
        *folders, last = file.split(os.sep)
        if self.folder is None:
            return last
        return folders[self.folder] if self.folder < len(folders) else ""

    def around(self, file: str) -> str:
        """The folder in which the splits lie side by side."""
        return "" if self.folder is None else os.sep.join(file.split(os.sep)[: self.folder])

    def split(self, file: str) -> Split | None:
        """The split of a file."""
        name = self.name(file)
        return split_named(name) if self.folder is None else WORDS.get(name.lower())

    def without(self, file: str) -> str:
        """The way to a file without the name of its split, by which it is sorted into classes."""
        parts = file.split(os.sep)
        if self.folder is not None:
            del parts[self.folder]
        return os.sep.join(parts)


def level_of(files: Sequence[str], shards: bool = False) -> Level | None:
    """Where the splits of files are named; None = nowhere, so they are all for training.

    All files have the name of a split there; or some have, and one to train on and one to evaluate with lie side by
    side in a folder.

    Args:
        files: of data, by their ways below one folder.
        shards: whether a file holds many samples, so that its own name may be that of a split.
    """
    levels = [Level(number) for number in range(DEEPEST)] + ([Level(None)] if shards else [])
    for level in levels if files else []:
        found = {level.split(file) for file in files}
        present = found - {None}
        if present == found or ("train" in present and len(present) > 1 and _side_by_side(files, level)):
            return level
    return None


def _side_by_side(files: Sequence[str], level: Level) -> bool:
    """Whether a folder has both what is for training and what is for evaluation."""
    beside: dict[str, set[Split | None]] = {}
    for file in files:
        beside.setdefault(level.around(file), {None}).add(level.split(file))
    return any("train" in splits and len(splits) > 2 for splits in beside.values())


def by_split(files: Sequence[str], level: Level | None) -> dict[Split, list[str]]:
    """The files of each split that there is; without a level all are for training."""
    if level is None:
        return {"train": list(files)}
    found: dict[Split, list[str]] = {}
    for file in files:
        split = level.split(file)
        if split is not None:
            found.setdefault(split, []).append(file)
    return found


def find_level(folder: Path, files: Sequence[str], shards: bool = False) -> Level | None:
    """`level_of` the files below a folder; a warning names folders that are called like a split and are none."""
    level = level_of(files, shards)
    firsts = {file.partition(os.sep)[0] for file in files if os.sep in file}
    if level is None and (names := sorted(name for name in firsts if name.lower() in WORDS)):
        warnings.warn(
            f"{folder}: what is in {' and '.join(names)} is taken for training data, not for a split, because of what "
            "lies beside.",
            stacklevel=2,
        )
    return level


def served(split: Split, present: Collection[Split]) -> Split | None:
    """Which split of the data is served as a run's ``split``; None = a part of ``"train"`` is held out for it."""
    if split in present:
        return split
    return "validation" if split == "test" and "validation" in present else None


def evaluated(split: Split, present: Collection[Split]) -> Split:
    """Which split of data that is for evaluation alone is served as a run's ``split``."""
    order: tuple[Split, ...] = ("test", "validation", "train") if split == "test" else ("validation", "test", "train")
    return next(one for one in order if one in present)
