"""Errors that many rooms raise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path
from typing import Any

import numpy.typing as npt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "lumina-nextdit"


@contextmanager
def importing(package: str, purpose: str) -> Iterator[None]:
    """A block that imports an optional package.

    Args:
        package: the distribution's name, as pip knows it.
        purpose: what needs it; the sentence begins with this.

    Raises:
        ImportError: the package is missing or cannot be imported; names the extra to install.
    """
    try:
        yield
    except ImportError as error:
        raise missing_package(package, purpose, error) from error


def missing_package(package: str, purpose: str, cause: ImportError | None = None) -> ImportError:
    """The error to raise where an optional package is not installed.

    Args:
        package: the distribution's name, as pip knows it.
        purpose: what needs it; the sentence begins with this.
        cause: what went wrong; told if the package is installed.

    Returns:
        An error that names the smallest extra with the package, or the package itself where no extra has it.
    """
    package = canonicalize_name(package)
    having = {extra: needed for extra, needed in _extras().items() if package in needed}
    smallest = min(having, key=lambda extra: len(having[extra]), default=None)
    name = package if smallest is None else f'"{PROJECT}[{smallest}]"'
    why = f"cannot be imported ({cause})" if cause and _installed(package) else "is not installed"
    return ImportError(f"{purpose} needs the package {package}, which {why}: pip install {name}")


def require_extra(extra: str, purpose: str) -> None:
    """Checks that every package of an extra is installed.

    Args:
        extra: its name; one that this project does not have needs nothing.
        purpose: what needs it; the sentence begins with this.

    Raises:
        ImportError: naming what is missing, and the extra.
    """
    missing = [package for package in _extras().get(extra, ()) if not _installed(package)]
    if missing:
        raise ImportError(f'{purpose} needs {", ".join(missing)}: pip install "{PROJECT}[{extra}]"')


def _extras() -> Mapping[str, list[str]]:
    """The packages of each extra."""
    packages: dict[str, list[str]] = defaultdict(list)
    try:
        lines = requires(PROJECT) or []
    except PackageNotFoundError:  # a checkout that was never installed
        lines = []
    for requirement in map(Requirement, lines):
        marker = str(requirement.marker or "")
        if "extra ==" in marker:
            packages[marker.split("extra ==")[1].strip(" \"'")].append(canonicalize_name(requirement.name))
    return packages


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


class CorruptSample(Exception):
    """Raised by a dataset, ``from`` the cause, for a sample that is there but cannot be read.

    Args:
        name: the file, so that the user can find it.
        reason: what is wrong with it.
    """

    def __init__(self, name: str | Path, reason: object) -> None:
        super().__init__(f"{name}: {reason}")


def require_numbers(values: npt.NDArray[Any], name: str | Path) -> None:
    """Refuses an array of texts, objects or complex numbers.

    Raises:
        CorruptSample: naming the file.
    """
    if values.dtype.kind not in "fiu":
        raise CorruptSample(name, f"its coordinates are of type {values.dtype}, expected real numbers")
