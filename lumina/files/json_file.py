"""JSON files of strangers: ordinary files of bearable size and depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lumina.files.regular import read_bounded

ODD = "backslashreplace"
"""How half letters, as of names that are not UTF-8, are written: as JSON's own escapes, so that they are read back."""


def load_object(path: Path) -> dict[str, Any]:
    """The named values in a file.

    Raises:
        OSError: it is not there.
        ValueError: it is no JSON in UTF-8, holds no object, is nested too deeply, or very long.
    """
    text = read_bounded(path)
    try:
        values = json.loads(text)
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path.name} is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} holds a {type(values).__name__}, expected named values")
    return values
