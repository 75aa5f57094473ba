"""Output folders of commands, which must be new or empty."""

from __future__ import annotations

from itertools import count
from pathlib import Path


def require_free(folder: Path) -> Path:
    """Returns the folder if it does not exist or is empty; hidden files do not count.

    Raises:
        ValueError: the folder is in use.
    """
    if not _is_free(folder):
        raise ValueError(f"{folder} is in use; choose a new or empty folder.")
    return folder


def free_folder(name: str) -> Path:
    """The first of NAME, NAME_1, NAME_2, ... in the working directory that is not in use."""
    return next(path for path in (Path(f"{name}_{n}" if n else name) for n in count()) if _is_free(path))


def _is_free(path: Path) -> bool:
    return not path.exists() or (path.is_dir() and all(at.name.startswith(".") for at in path.iterdir()))
