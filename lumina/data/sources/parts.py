"""Opens the sources of a run's splits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from lumina.config.locate import locate
from lumina.data.census import Census
from lumina.data.sources.find import SHARDS, chained, files_named, is_litdata, open_file, open_listed
from lumina.data.sources.listing import files_below
from lumina.data.sources.source import Source, Wanted
from lumina.data.sources.stream import Stream
from lumina.data.splits import UNSPLIT, WORDS, Level, by_split, evaluated, find_level, level_of, served
from lumina.values import Split

Found = Iterator[tuple[Split, Source]]


class Parts:
    """The sources of each split, assigned by the names of folders and shards.

    Args:
        sources: files, patterns or folders, with or without splits; a single file is for training.
        eval_sources: separate evaluation data; None = use the evaluation splits of ``sources``.
        wanted: what to look for.
        left_out: receives the census of each argument once it has been listed.
    """

    def __init__(
        self,
        sources: Sequence[Path],
        eval_sources: Sequence[Path] | None,
        wanted: Wanted,
        left_out: dict[str, Census],
    ) -> None:
        self.sources, self.eval_sources, self.wanted, self.left_out = sources, eval_sources, wanted, left_out

    @cached_property
    def train(self) -> Source:
        """The training data; without an evaluation split, a part of it is to be held out.

        Raises:
            ValueError: there is only evaluation data, or no data.
        """
        if "train" not in self._own:
            raise ValueError(
                f"{', '.join(map(str, self.sources))} has only data for {' and '.join(self._own)}: set sources to "
                "the training data, and eval_sources to this data."
            )
        return self._own["train"]

    def evaluation(self, split: Split) -> Source | None:
        """The data of an evaluation split; None = hold out a part of ``train``."""
        if self._other is not None:
            return self._other[evaluated(split, self._other)]
        own = served(split, self._own)
        return None if own is None else self._own[own]

    @cached_property
    def _own(self) -> dict[Split, Source]:
        return self._opened("sources", self.sources)

    @cached_property
    def _other(self) -> dict[Split, Source] | None:
        return None if self.eval_sources is None else self._opened("eval_sources", self.eval_sources)

    def _opened(self, name: str, paths: Sequence[Path]) -> dict[Split, Source]:
        splits = open_splits(paths, self.wanted)
        self.left_out[name] = sum((source.census for source in splits.values()), Census())
        return splits


def open_splits(paths: Sequence[Path], wanted: Wanted) -> dict[Split, Source]:
    """The source of each split; paths without splits are for training.

    Raises:
        ValueError: see `lumina.data.sources.find.open_sources`.
    """
    splits: dict[Split, list[Source]] = {} if paths else {"train": []}
    for origin, path in enumerate(map(locate, paths)):
        for split, source in _folder(path, wanted) if path.is_dir() else _pattern(path, wanted):
            source.origin = origin
            splits.setdefault(split, []).append(source)
    return {split: chained(sources) for split, sources in splits.items()}


def _pattern(path: Path, wanted: Wanted) -> Found:
    files = files_named(path)
    around = os.path.commonpath([file.parent for file in files])
    below = {os.path.relpath(file, around): file for file in files}
    level = level_of(list(below), shards=True) if len(files) > 1 else None
    census = _left_out(list(below), list(below), level)
    for split, names in by_split(list(below), level).items():
        for name in names:
            source = open_file(below[name], below[name].parent, wanted)
            source.census, census = source.census + census, Census()
            yield split, source


def _folder(folder: Path, wanted: Wanted) -> Found:
    streams = {} if is_litdata(folder) else {one: WORDS.get(one.name.lower()) for one in sorted(folder.iterdir())}
    if parts := [(split, one) for one, split in streams.items() if split is not None and is_litdata(one)]:
        yield from ((split, Stream(one, wanted)) for split, one in parts)
    elif is_litdata(folder):
        yield "train", Stream(folder, wanted)
    else:
        census = Census()
        yield from _listed(folder, files_below(folder, census, wanted.endings), wanted, census)


def _listed(folder: Path, files: list[str], wanted: Wanted, census: Census) -> Found:
    shards = [file for file in files if file.lower().endswith(SHARDS)]
    data = shards or [file for file in files if file.lower().endswith(wanted.endings)]
    level = find_level(folder, data, shards=bool(shards))
    census += _left_out(files, data, level)
    for split, members in by_split(files, level).items():
        for below, own in _roots(members, level):
            for source in open_listed(folder / below, own, wanted, census):
                yield split, source
            census = Census()


def _roots(files: list[str], level: Level | None) -> Iterator[tuple[str, list[str]]]:
    """The folders of a split, and the files in each, relative to it."""
    if level is None or level.folder != 0:
        yield "", files
        return
    for name in dict.fromkeys(map(level.name, files)):
        yield name, [os.path.relpath(file, name) for file in files if level.name(file) == name]


def _left_out(files: Sequence[str], data: Sequence[str], level: Level | None) -> Census:
    """The files without a split, if others have one."""
    census = Census()
    if level is not None:
        wanted = set(data)
        unsplit = [file for file in files if level.split(file) is None]
        census.leave_out(UNSPLIT, [file for file in unsplit if file in wanted])
        census.leave_out_by_ending(file for file in unsplit if file not in wanted)
    return census
