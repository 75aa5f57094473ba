"""Assigns files to training, validation and test by the names of folders and files."""

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
"""Names of splits in lower case."""

DEEPEST = 3  # folder levels whose names may be splits
UNSPLIT = f"files outside of the split folders ({', '.join(WORDS)})"


def split_named(name: str) -> Split | None:
    """The split named by a folder, or by the first word of a file name, as in ``train-00000-of-00002.parquet``."""
    return WORDS.get(re.split(r"[-_.]", name.lower())[0])


@dataclass(frozen=True, slots=True)
class Level:
    """The part of a path that names the split.

    Attributes:
        folder: index of the folder in the path, from 0; None = the file name.
    """

    folder: int | None

    def name(self, file: str) -> str:
        """The path component at this level; empty if the path is too short."""
        *folders, last = file.split(os.sep)
        if self.folder is None:
            return last
        return folders[self.folder] if self.folder < len(folders) else ""

    def around(self, file: str) -> str:
        """The parent folder of the splits."""
        return "" if self.folder is None else os.sep.join(file.split(os.sep)[: self.folder])

    def split(self, file: str) -> Split | None:
        """The split of a file."""
        name = self.name(file)
        return split_named(name) if self.folder is None else WORDS.get(name.lower())

    def without(self, file: str) -> str:
        """The path without the split, from which the class of a file is read."""
        parts = file.split(os.sep)
        if self.folder is not None:
            del parts[self.folder]
        return os.sep.join(parts)


def level_of(files: Sequence[str], shards: bool = False) -> Level | None:
    """The level at which paths name their splits; None = no splits, all files are for training.

    At this level either all paths name a split, or some do and a training and an evaluation split share a parent
    folder.

    Args:
        files: paths of data files relative to one folder.
        shards: whether a file holds many samples, so that its own name may name a split.
    """
    levels = [Level(number) for number in range(DEEPEST)] + ([Level(None)] if shards else [])
    for level in levels if files else []:
        splits = {level.split(file) for file in files}
        present = splits - {None}
        if present == splits or ("train" in present and len(present) > 1 and _side_by_side(files, level)):
            return level
    return None


def _side_by_side(files: Sequence[str], level: Level) -> bool:
    """Whether some folder contains both a training and an evaluation split."""
    beside: dict[str, set[Split | None]] = {}
    for file in files:
        beside.setdefault(level.around(file), {None}).add(level.split(file))
    return any("train" in splits and len(splits) > 2 for splits in beside.values())


def by_split(files: Sequence[str], level: Level | None) -> dict[Split, list[str]]:
    """Groups files by split; without a level all are for training."""
    if level is None:
        return {"train": list(files)}
    groups: dict[Split, list[str]] = {}
    for file in files:
        split = level.split(file)
        if split is not None:
            groups.setdefault(split, []).append(file)
    return groups


def find_level(folder: Path, files: Sequence[str], shards: bool = False) -> Level | None:
    """`level_of` the files below a folder; warns about folders named like a split that are not used as one."""
    level = level_of(files, shards)
    firsts = {file.partition(os.sep)[0] for file in files if os.sep in file}
    if level is None and (names := sorted(name for name in firsts if name.lower() in WORDS)):
        warnings.warn(
            f"{folder}: {' and '.join(names)} is read as training data, not as a split, because other files lie beside "
            "it.",
            stacklevel=2,
        )
    return level


def served(split: Split, present: Collection[Split]) -> Split | None:
    """The split of the data that serves as a run's ``split``; None = hold out a part of ``"train"``."""
    if split in present:
        return split
    return "validation" if split == "test" and "validation" in present else None


def evaluated(split: Split, present: Collection[Split]) -> Split:
    """The split that serves as a run's ``split`` in data that is for evaluation only."""
    order: tuple[Split, ...] = ("test", "validation", "train") if split == "test" else ("validation", "test", "train")
    return next(one for one in order if one in present)
