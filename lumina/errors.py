"""Errors that several packages raise."""

from __future__ import annotations

import re
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

WITHOUT_DEPENDENCIES = {
    "aisfx": "0.1.2",
    "bigvgan": "2.4.1",
    "hear21passt": "0.0.26",
    "musicnn": "0.1.0",
    "tinysoundfont": "0.3.7",
}
"""Packages that run without what they declare to need, as ``scripts/without_dependencies.txt`` lists them."""


@contextmanager
def importing(package: str, purpose: str) -> Iterator[None]:
    """Context for the import of an optional package; a failed import names the extra to install.

    Args:
        package: the distribution's name on PyPI.
        purpose: what needs the package; the error message starts with it.

    Raises:
        ImportError: the package is missing or cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        raise missing_package(package, purpose, error) from error


def missing_package(package: str, purpose: str, cause: ImportError | None = None) -> ImportError:
    """The error to raise when an optional package is not installed.

    Args:
        package: the distribution's name on PyPI.
        purpose: what needs the package; the error message starts with it.
        cause: the original error; quoted if the package is installed but broken.

    Returns:
        An error that names the smallest extra that contains the package, or the package itself if no extra does.
    """
    package = canonicalize_name(package)
    why = f"cannot be imported ({cause})" if cause and _installed(package) else "is not installed"
    return ImportError(f"{purpose} needs the package {package}, which {why}: pip install {_to_install(package)}")


def _to_install(package: str) -> str:
    if package in WITHOUT_DEPENDENCIES:
        return f"--no-deps {package}=={WITHOUT_DEPENDENCIES[package]}"
    candidates = {extra: packages for extra, packages in _extras().items() if package in packages}
    smallest = min(candidates, key=lambda extra: len(candidates[extra]), default=None)
    return package if smallest is None else f'"{PROJECT}[{smallest}]"'


def require_extra(extra: str, purpose: str) -> None:
    """Checks that every package of an extra is installed.

    Args:
        extra: name of the extra; an unknown extra requires nothing.
        purpose: what needs the packages; the error message starts with it.

    Raises:
        ImportError: names the missing packages and the extra.
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
    """Raised by a dataset, ``from`` the cause, for a sample that exists but cannot be read.

    Args:
        name: the file or record.
        reason: what is wrong with it.
    """

    def __init__(self, name: str | Path, reason: object) -> None:
        super().__init__(f"{name}: {without_number(reason)}")


def without_number(error: object) -> str:
    """An error's text without ``[Errno 2]`` and the like, which say nothing more."""
    return re.sub(r"\[Errno -?\d+\] ", "", str(error))


def require_numbers(values: npt.NDArray[Any], name: str | Path) -> None:
    """Raises unless an array holds integers or real floats.

    Raises:
        CorruptSample: the array holds strings, objects or complex numbers; names the file.
    """
    if values.dtype.kind not in "fiu":
        raise CorruptSample(name, f"its coordinates are of type {values.dtype}, expected real numbers")
