"""Arrays that take long to gather, kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.config.locate import locate

Arrays = Mapping[str, npt.NDArray[Any]]


def stamp(*parts: object) -> str:
    """A short name that is another one for other ``parts``."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def file_stamp(paths: Iterable[str | Path]) -> str:
    """A short name that changes with the files' places, sizes or dates."""
    return stamp(*((str(path), (facts := os.stat(path)).st_size, facts.st_mtime_ns) for path in paths))


def kept(folder: Path | None, name: str, gather: Callable[[], Arrays]) -> Arrays:
    """What ``gather`` returns, read from ``folder/name.npz`` where an earlier run has kept it there.

    Args:
        folder: the cache; None keeps nothing.
        name: of the file; it must change with what is gathered.
        gather: does the work.
    """
    if folder is None:
        return gather()
    path = locate(folder) / f"{name}.npz"
    if path.is_file():
        with np.load(path) as file:
            return dict(file)
    arrays = gather()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial.npz")  # other processes may be at the same file
    np.savez(partial, **arrays)  # type: ignore[arg-type]  # its allow_pickle
    partial.replace(path)
    return arrays
