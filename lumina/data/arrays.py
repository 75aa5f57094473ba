"""Caches arrays that are slow to compute in the user's cache folder."""

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
    """A short hash of the paths, sizes and modification times of files; a file added or removed changes it too."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(repr((os.fsencode(path), *_facts(path))).encode())
    return digest.hexdigest()[:20]


def _facts(path: str | Path) -> tuple[int, ...]:
    try:
        facts = os.stat(path)
    except OSError:  # a dangling link, say
        return ()
    return facts.st_size, facts.st_mtime_ns


def cached(
    folder: Path | None, name: str, gather: Callable[[], Arrays], complete: Callable[[Arrays], Arrays] | None = None
) -> Arrays:
    """Returns the result of ``gather``, or reads it from ``folder/name.npz`` if an earlier run has stored it.

    If several processes call this at once, one computes the arrays and the others read its file. A damaged file is
    replaced. If the folder is not writable, a warning says so and nothing is stored.

    Args:
        folder: the cache folder; None = no cache.
        name: file name without its suffix; it must change whenever the result does.
        gather: computes the arrays.
        complete: takes the stored arrays, retries what an earlier run could not read, and returns the updated arrays;
            returns the same object if nothing changed.
    """
    if folder is None:
        return gather()
    path = locate(folder) / f"{name}.npz"
    with one_at_a_time(path):
        stored = read_arrays(path)
        arrays = gather() if stored is None else stored if complete is None else complete(stored)
        if arrays is not stored:
            write_arrays(path, arrays)
    return arrays


def read_arrays(path: Path) -> Arrays | None:
    """Reads the arrays of a file; None if it is missing or damaged."""
    try:
        with open_arrays(path) as file:
            return dict(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        warnings.warn(f"{path} is damaged ({error}) and is recreated.", stacklevel=3)
        return None


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Writes a file atomically; warns if it cannot be written."""
    try:
        with replacing(path) as new, new.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its allow_pickle
    except OSError as error:
        warnings.warn(
            f"{path} cannot be written ({error.strerror}), so the next run computes it again: set `cache` of the "
            "data or the metric to a writable folder.",
            stacklevel=3,
        )
