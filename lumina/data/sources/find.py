"""Paths to sources: the form of the data is found from what is there."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from lumina.config.locate import locate
from lumina.data.sources.folder import ClassFolders, Folder, files_below
from lumina.data.sources.manifest import Manifest
from lumina.data.sources.shard import Shard
from lumina.data.sources.source import Chain, Source, Wanted
from lumina.data.sources.stream import INDEX, Stream
from lumina.data.sources.table import Table


def open_sources(paths: Sequence[Path], wanted: Wanted) -> Source:
    """All paths as one source.

    A path is a ``.json``, ``.jsonl``, ``.tar`` or ``.parquet`` file; a pattern of such files (``shards/*.tar``,
    ``shards/{000..099}.tar``); or a folder: of litdata, of tar or Parquet files, or of media files.

    Raises:
        ValueError: nothing is there, or nothing of these forms.
    """
    found = [source for path in paths for source in _open(locate(path), wanted)]
    if not found:
        raise ValueError("Got no sources: name at least one file or folder.")
    return found[0] if len(found) == 1 else Chain(found)


def _open(path: Path, wanted: Wanted) -> list[Source]:
    if path.is_dir():
        return _open_folder(path, wanted)
    files = [path] if path.is_file() else [file for one in _braces(str(path)) for file in _matches(one)]
    return [_open_file(file, file.parent, wanted) for file in files]


def _open_file(path: Path, root: Path, wanted: Wanted) -> Source:
    match path.suffix.lower():
        case ".json" | ".jsonl":
            return Manifest(path, wanted)
        case ".tar":
            return Shard(path, root, wanted)
        case ".parquet":
            return Table(path, root, wanted)
    raise ValueError(f"{path} is of no known form: expected .json, .jsonl, .tar, .parquet or a folder.")


def _open_folder(folder: Path, wanted: Wanted) -> list[Source]:
    if _is_litdata(folder):
        return [Stream(folder, wanted)]
    files = files_below(folder)
    # Tools that write tar shards put Parquet files with the captions alone beside them, so tar goes first.
    for suffix in (".tar", ".parquet"):
        shards = [file for file in files if file.lower().endswith(suffix)]
        if shards:
            return [_open_file(folder / shard, folder, wanted) for shard in shards]
    media = [file for file in files if file.lower().endswith(wanted.endings)]
    if wanted.class_folders:
        media = [file for file in media if os.sep in file]
    if not media:
        where = "in a folder for each class" if wanted.class_folders else "each beside a .txt with its caption"
        raise ValueError(
            f"Found no data in {folder}: expected files ending in {', '.join(wanted.endings)}, {where}; "
            "or .tar or .parquet files. A .json or .jsonl file is named itself."
        )
    return [ClassFolders(folder, media) if wanted.class_folders else Folder(folder, media)]


def _is_litdata(folder: Path) -> bool:
    index = folder / INDEX
    return index.is_file() and '"chunks"' in index.read_text("utf-8", errors="replace")


def _matches(pattern: str) -> list[Path]:
    found = sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise ValueError(f"There is nothing at {pattern}: name a file, a pattern of files or a folder that exists.")
    return [Path(path) for path in found]


def _braces(pattern: str) -> list[str]:
    """``a{01..03}`` and ``{x,y}`` spelt out, as a shell does it."""
    parts = re.split(r"\{([^{}]*)\}", pattern)
    choices = [_choices(part) if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(one) for one in product(*choices)]


def _choices(inside: str) -> list[str]:
    numbers = re.fullmatch(r"(\d+)\.\.(\d+)", inside)
    if numbers is None:
        return inside.split(",")
    first, last = numbers.groups()
    return [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
