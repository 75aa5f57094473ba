"""JSON files of strangers: ordinary files of bearable size and depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lumina.files.regular import open_regular

MOST = 64 * 2**20
"""Bytes that are read of a file; what is longer is refused."""


def load_object(path: Path) -> dict[str, Any]:
    """The named values in a file.

    Raises:
        OSError: it is not there.
        ValueError: it is no JSON in UTF-8, holds no object, is nested too deeply, or longer than `MOST`.
    """
    with open_regular(path) as file:
        text = file.read(MOST + 1)
    if len(text) > MOST:
        raise ValueError(f"it is longer than {MOST // 2**20} MiB")
    try:
        values = json.loads(text)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError(f"it holds a {type(values).__name__}, expected named values")
    return values
