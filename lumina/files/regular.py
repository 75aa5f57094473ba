"""Ordinary files alone: opening a pipe or a device would wait for ever."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST = 64 * 2**20
"""Bytes of a text of strangers that are read."""


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


def read_bounded(path: Path, most: int = MOST) -> bytes:
    """The whole content of a file of strangers.

    Raises:
        OSError: it is not there.
        ValueError: it is no ordinary file, or longer than ``most`` bytes.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path.name} is longer than {most // 2**20} MiB")
    return content
