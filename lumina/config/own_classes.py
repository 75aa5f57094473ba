"""Imports the classes that come with this project."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules

PACKAGES = ("modalities", "datamodules", "lumina.metrics", "lumina.callbacks", "lumina.conditioning")


def import_own_classes() -> None:
    """Imports all modules of `PACKAGES`, because help and hints list imported classes only; skips missing extras."""
    for package in PACKAGES:
        for module in iter_modules(import_module(package).__path__):
            with suppress(ImportError):
                import_module(f"{package}.{module.name}")
