"""Reads exported models: ``model.yaml`` has the plain arguments, ``model.safetensors`` the averaged weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from lumina.files.weights import read_safetensors
from lumina.files.yaml_file import load

ARGUMENTS, WEIGHTS = "model.yaml", "model.safetensors"


def read_export(folder: Path) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """Arguments and tensors of an exported model.

    Raises:
        FileNotFoundError: one of its files is missing.
        ValueError: one of its files is damaged.
    """
    path = folder / ARGUMENTS
    try:
        arguments = load(path.read_text())
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({' '.join(str(error).split())}); fetch or copy it again.") from error
    if not isinstance(arguments, dict) or "modality" not in arguments:
        raise ValueError(f"{path} names no modality, so it is no model that `lumina convert` wrote.")
    return copied(arguments, lambda _, value: _inside(folder, value)), read_safetensors(folder / WEIGHTS)


def copied(value: Any, leaf: Callable[[str, Any], Any], key: str = "") -> Any:
    """Copies nested settings as dicts and lists.

    Args:
        value: the settings.
        leaf: maps the key and the value of each leaf to its copy.
        key: the key of ``value``.
    """
    if isinstance(value, Mapping):
        return {str(name): copied(item, leaf, str(name)) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [copied(item, leaf, key) for item in value]
    return leaf(key, value)


def _inside(folder: Path, value: Any) -> Any:
    """The absolute path if a string names a folder inside ``folder``; other values are returned unchanged."""
    named = isinstance(value, str) and value and os.path.isdir(folder / value)
    return str((folder / value).resolve()) if named else value
