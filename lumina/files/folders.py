"""Output folders of commands, which must be new or empty."""

from __future__ import annotations

from itertools import count
from pathlib import Path


def require_free(folder: Path) -> Path:
    """Returns the folder if it does not exist or is empty.

    Hidden files do not count: another process may be about to begin.

    Raises:
        ValueError: the folder is in use.
    """
    if not _is_free(folder):
        raise ValueError(f"{folder} is in use; choose a new or empty folder.")
    return folder


def free_folder(path: str | Path) -> Path:
    """The first of PATH, PATH_1, PATH_2, ... that is not in use."""
    return next(free for free in (Path(f"{path}_{n}" if n else path) for n in count()) if _is_free(free))


def _is_free(path: Path) -> bool:
    return not path.exists() or (path.is_dir() and all(at.name.startswith(".") for at in path.iterdir()))
