"""Arrays that take long to gather, kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.config.locate import locate
from lumina.files.atomic import one_at_a_time, replacing
from lumina.files.numpy_file import open_arrays

Arrays = Mapping[str, npt.NDArray[Any]]


def stamp(*parts: object) -> str:
    """A short hash of ``parts``."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def file_stamp(paths: Iterable[str | Path]) -> str:
    """A short name that changes with the files' paths, sizes or dates, and when one comes or goes."""
    return stamp(*((os.fsencode(path), *_facts(path)) for path in paths))


def _facts(path: str | Path) -> tuple[int, ...]:
    try:
        facts = os.stat(path)
    except OSError:  # a dangling link, say
        return ()
    return facts.st_size, facts.st_mtime_ns


def kept(
    folder: Path | None, name: str, gather: Callable[[], Arrays], complete: Callable[[Arrays], Arrays] | None = None
) -> Arrays:
    """What ``gather`` returns, read from ``folder/name.npz`` where an earlier run has kept it there.

    Of several processes that ask at once, one gathers, and the others read what it has kept. A damaged file is made
    anew. Where the folder cannot be written, a warning says so and nothing is kept.

    Args:
        folder: the cache; None keeps nothing.
        name: of the file; it must change with what is gathered.
        gather: does the work.
        complete: takes what an earlier run has kept and returns it with what that run could not read, which may have
            been out of reach for a while; the same object if there is nothing new.
    """
    if folder is None:
        return gather()
    path = locate(folder) / f"{name}.npz"
    with one_at_a_time(path):
        known = read_arrays(path)
        arrays = gather() if known is None else known if complete is None else complete(known)
        if arrays is not known:
            write_arrays(path, arrays)
    return arrays


def read_arrays(path: Path) -> Arrays | None:
    """What the file holds; None where there is none, or a damaged one."""
    try:
        with open_arrays(path) as file:
            return dict(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        warnings.warn(f"{path} is damaged ({error}) and is made anew.", stacklevel=3)
        return None


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Writes a file whole or not at all; where it cannot be written, a warning says so."""
    try:
        with replacing(path) as new, new.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its allow_pickle
    except OSError as error:
        warnings.warn(
            f"{path} cannot be written ({error.strerror}), so the next run gathers it again: set `cache`, of the "
            "data or of the metric, to a folder that can be written.",
            stacklevel=3,
        )
