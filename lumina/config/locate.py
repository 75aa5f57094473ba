"""Resolves the paths in YAML files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lumina.errors import missing_package

PACKAGE = "package:"


def locate(path: str | Path) -> Path:
    """Resolves a path; the file or folder need not exist.

    Args:
        path: a path, which may start with ``~``; or ``package:NAME/FOLDER``, a folder in an installed Python package.

    Raises:
        ImportError: the package is not installed.
        ValueError: the package is a subpackage; locating it would import its parent.
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
