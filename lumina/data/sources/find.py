"""Opens paths as sources: the format is detected from the files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from lumina.config.locate import locate
from lumina.data.census import Census
from lumina.data.sources.arrow import Arrow
from lumina.data.sources.folder import ClassFolders, Folder
from lumina.data.sources.listing import files_below
from lumina.data.sources.manifest import Manifest
from lumina.data.sources.shard import Shard
from lumina.data.sources.source import Chain, Source, Wanted
from lumina.data.sources.stream import INDEX, Stream
from lumina.data.sources.table import Table

METADATA = ("metadata.jsonl", "metadata.csv")
"""Names of the files whose records describe the media beside them, as Hugging Face's datasets have them."""
SHARDS = (".tar", ".parquet", ".arrow")
"""Suffixes of files that hold many samples."""


def open_sources(paths: Sequence[Path], wanted: Wanted) -> Source:
    """Opens all paths as one source.

    A path is a ``.json``, ``.jsonl``, ``.csv``, ``.tsv``, ``.tar``, ``.parquet`` or ``.arrow`` file; a pattern of
    such files (``shards/*.tar``, ``shards/{000..099}.tar``); or a folder of litdata, of tar, Parquet or Arrow files,
    or of media files with or without a ``metadata.jsonl`` or ``metadata.csv``. The source's census records what is left
    out, and why.

    Raises:
        ValueError: a path does not exist, or has none of these formats.
    """
    return chained([source for path in paths for source in _open(locate(path), wanted)])


def chained(sources: Sequence[Source]) -> Source:
    """Joins sources into one.

    Raises:
        ValueError: ``sources`` is empty.
    """
    if not sources:
        raise ValueError("Got no sources: name at least one file or folder.")
    return sources[0] if len(sources) == 1 else Chain(sources)


def files_named(path: Path) -> list[Path]:
    """The file itself, or all files that match a pattern."""
    return [path] if path.is_file() else [file for one in _braces(str(path)) for file in _matches(one)]


def _open(path: Path, wanted: Wanted) -> list[Source]:
    if path.is_dir():
        return _open_folder(path, wanted)
    return [open_file(file, file.parent, wanted) for file in files_named(path)]


def open_file(path: Path, root: Path, wanted: Wanted) -> Source:
    """Opens a file of records.

    Raises:
        ValueError: the format is not supported.
    """
    match path.suffix.lower():
        case ".json" | ".jsonl" | ".csv" | ".tsv":
            return Manifest(path, wanted)
        case ".tar":
            return Shard(path, root, wanted)
        case ".parquet":
            return Table(path, root, wanted)
        case ".arrow":
            return Arrow(path, root, wanted)
    raise ValueError(
        f"{path} has no supported format: expected .json, .jsonl, .csv, .tsv, .tar, .parquet, .arrow or a folder."
    )


def _open_folder(folder: Path, wanted: Wanted) -> list[Source]:
    if is_litdata(folder):
        return [Stream(folder, wanted)]
    census = Census()
    return open_listed(folder, files_below(folder, census, wanted.endings), wanted, census)


def open_listed(folder: Path, files: list[str], wanted: Wanted, census: Census) -> list[Source]:
    """The sources of a folder's files.

    Args:
        folder: the folder.
        files: files below the folder, relative to it.
        wanted: what to look for.
        census: what the listing of the files left out.

    Raises:
        ValueError: no file has a supported format.
    """
    # Tools that write tar shards put Parquet files with only the captions beside them, so tar takes precedence.
    for suffix in SHARDS:
        shards = [file for file in files if file.lower().endswith(suffix) and not _is_derived(file)]
        if shards:
            chosen = set(shards)
            census.leave_out_by_ending(file for file in files if file not in chosen)
            return _with(census, [open_file(folder / shard, folder, wanted) for shard in shards])
    if listed := _image_folder(folder, files, wanted, census):
        return _with(census, listed)
    kind = ClassFolders if wanted.class_folders else Folder
    source = kind(folder, wanted, files, census)
    if not len(source):
        raise ValueError(
            f"Found no data in {folder}: expected files ending in {', '.join(wanted.endings)}{_where(wanted)}; or .tar "
            f"or .parquet files. Give the path of a .json, .jsonl, .csv or .tsv file itself. Left out: {census}."
        )
    return [source]


def _is_derived(file: str) -> bool:
    """Whether an Arrow file is a cache of Hugging Face's datasets, not saved data."""
    return re.fullmatch(r"(cache|tmp).*\.arrow", os.path.basename(file)) is not None


def _where(wanted: Wanted) -> str:
    if wanted.class_folders:
        return ", in one folder per class"
    return ", each with its caption in a .txt file" if wanted.texts else ""


def _with(census: Census, sources: list[Source]) -> list[Source]:
    """The sources of a folder; the first one carries the census of the listing."""
    sources[0].census += census
    return sources


def _image_folder(folder: Path, files: list[str], wanted: Wanted, census: Census) -> list[Source]:
    """The records of `METADATA` (Hugging Face's imagefolder, audiofolder), if they have the wanted fields."""
    tables = [Manifest(folder / file, wanted, folder) for file in files if os.path.basename(file) in METADATA]
    tables = [table for table in tables if wanted.texts and table.names & {*(wanted.captions or wanted.usual)}]
    if not tables:
        return []
    named: set[str] = set()
    present = set(files)
    for table in tables:
        paths = [_named(table, number, folder) for number in range(len(table))]
        census.leave_out(
            f"records of {table.path.name} without their file",
            [table.name(i) for i, path in enumerate(paths) if path not in present],
        )
        named |= set(paths)
        table.keep([number for number, path in enumerate(paths) if path in present])
    media = [file for file in files if file.lower().endswith(wanted.endings)]
    census.leave_out(f"files that no {tables[0].path.name} names", [file for file in media if file not in named])
    own = {*media, *named, *(os.path.relpath(table.path, folder) for table in tables)}
    census.leave_out_by_ending(file for file in files if file not in own)
    return [table for table in tables if len(table)]


def _named(table: Manifest, number: int, folder: Path) -> str:
    """The file named by a record, relative to the folder."""
    try:
        return os.path.relpath(table.file(number), folder)
    except ValueError:
        return ""


def is_litdata(folder: Path) -> bool:
    """Whether the folder was written by litdata."""
    index = folder / INDEX
    return index.is_file() and '"chunks"' in index.read_text("utf-8", errors="replace")


def _matches(pattern: str) -> list[Path]:
    paths = sorted(glob.glob(pattern, recursive=True))
    if not paths:
        raise ValueError(f"Nothing exists at {pattern}: name a file, a pattern of files or a folder that exists.")
    return [Path(path) for path in paths]


def _braces(pattern: str) -> list[str]:
    """Expands ``a{01..03}`` and ``{x,y}`` like a shell."""
    parts = re.split(r"\{([^{}]*)\}", pattern)
    choices = [_choices(part) if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(one) for one in product(*choices)]


def _choices(inside: str) -> list[str]:
    numbers = re.fullmatch(r"(\d+)\.\.(\d+)", inside)
    if numbers is None:
        return inside.split(",")
    first, last = numbers.groups()
    return [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
