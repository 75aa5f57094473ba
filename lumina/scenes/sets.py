"""The view sets of a data set, at random access."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from lumina.data.arrays import file_stamp
from lumina.data.census import Census
from lumina.data.splits import Level, find_level
from lumina.scenes.layouts import find_view_sets, read_views
from lumina.scenes.views import ViewSet
from lumina.values import Split

HELD = 2048
"""View sets that a process keeps in memory, without their pictures."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A view set whose pictures can be read for as long as this object lives.

    Attributes:
        views: the view set.
        place: where its files are unpacked; None = they lie in a folder of their own.
    """

    views: ViewSet
    place: TemporaryDirectory[str] | None = None


class ViewSets(ABC):
    """View sets by index; a subclass reads folders or archives.

    Attributes:
        names: of the view sets, each another.
        objects: what is in them, as paths without a split; an object may be in several archives.
        splits: as the names of folders or archives say; None = they say so of others, but not of this one.
    """

    names: Sequence[str]
    objects: Sequence[str]
    splits: Sequence[Split | None]

    @abstractmethod
    def open(self, index: int) -> Opened:
        """A view set.

        Raises:
            CorruptSample: it cannot be read.
        """

    @property
    @abstractmethod
    def stamp(self) -> str:
        """A short hash that changes with the files."""


class FolderSets(ViewSets):
    """View sets that are folders.

    Args:
        root: where they are, in sub-folders too; or one of them itself.
        census: counts what is left out; None = not counted.
    """

    def __init__(self, root: Path, census: Census | None = None) -> None:
        self.folders = find_view_sets(root, census)
        self.names = [str(folder.relative_to(root)) if folder != root else root.name for folder in self.folders]
        self.objects, self.splits = split_apart(root, self.names)
        self._held: OrderedDict[int, ViewSet] = OrderedDict()

    def open(self, index: int) -> Opened:
        """A view set, from memory if it was read lately."""
        if index not in self._held:
            self._held[index] = read_views(self.folders[index])
            if len(self._held) > HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(index)
        return Opened(self._held[index])

    @cached_property
    def stamp(self) -> str:
        """A hash of all files of the view sets."""
        return file_stamp(file for folder in self.folders for file in sorted(folder.rglob("*")))


def split_apart(root: Path, names: Sequence[str]) -> tuple[list[str], list[Split | None]]:
    """What is in view sets, as paths without the folder that names the split; and the splits.

    Args:
        root: the folder that warnings name.
        names: paths of the view sets.
    """
    files = [os.path.join(name, "views") for name in names]
    level = find_level(root, files)
    objects = list(names) if level is None else [os.path.dirname(level.without(file)) for file in files]
    return objects, splits_of(files, level)


def splits_of(files: Sequence[str], level: Level | None) -> list[Split | None]:
    """The split of each file; without a level all are for training."""
    return ["train" if level is None else level.split(file) for file in files]
