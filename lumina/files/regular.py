"""Ordinary files alone: opening a pipe or a device would wait for ever."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: str | Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        OSError: it is not there.
        ValueError: it is a folder, a pipe, a socket or a device.
    """
    require_regular(path)
    return Path(path).open("rb")


def require_regular(path: str | Path) -> None:
    """Refuses what is no ordinary file.

    Raises:
        OSError: it is not there.
        ValueError: it is a folder, a pipe, a socket or a device.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(f"{path} is a folder, a pipe or a device, expected a file")
