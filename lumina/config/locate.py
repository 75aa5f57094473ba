"""Where files and folders lie that YAML files name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lumina.errors import missing_package

PACKAGE = "package:"


def locate(path: str | Path) -> Path:
    """The path of a file or folder that need not exist.

    Args:
        path: a path, which may begin with ``~``; or ``package:NAME/FOLDER``, inside an installed Python package.

    Raises:
        ImportError: if that package is not installed.
        ValueError: if it is inside another one, which would be imported to find it.
    """
    text = str(path)
    if not text.startswith(PACKAGE):
        return Path(path).expanduser()
    name, _, folder = text.removeprefix(PACKAGE).partition("/")
    if "." in name:
        raise ValueError(
            f"{text!r} names {name!r}, expected a top-level package and then a folder: {PACKAGE}NAME/FOLDER"
        )
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise missing_package(name, repr(text))
    return Path(found.submodule_search_locations[0], folder)
