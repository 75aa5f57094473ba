"""Folders that commands write to: never one that holds something already."""

from __future__ import annotations

from itertools import count
from pathlib import Path


def require_free(folder: Path) -> Path:
    """The folder, if it does not exist or is empty.

    Raises:
        ValueError: where it is in use.
    """
    if not _is_free(folder):
        raise ValueError(f"{folder} is in use; give a new or empty folder.")
    return folder


def free_folder(name: str) -> Path:
    """The first of NAME, NAME_1, NAME_2, ... in the working directory that is not in use."""
    return next(path for path in (Path(f"{name}_{n}" if n else name) for n in count()) if _is_free(path))


def _is_free(path: Path) -> bool:
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))
