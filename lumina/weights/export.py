"""Our folder of a trained model: ``model.yaml``, plain arguments, and ``model.safetensors``, its averaged weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from lumina.files.yaml_file import load
from lumina.weights.tensors import read_safetensors

ARGUMENTS, WEIGHTS = "model.yaml", "model.safetensors"
Rewrite = Callable[[str, str], Any]  # (key, value) -> value


def read_export(folder: Path) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """Arguments and tensors of an exported folder.

    Raises:
        FileNotFoundError: if one of its files is missing.
        ValueError: if one is damaged.
    """
    path = folder / ARGUMENTS
    try:
        arguments = load(path.read_text())
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({' '.join(str(error).split())}); fetch or copy it again.") from error
    if not isinstance(arguments, dict) or "modality" not in arguments:
        raise ValueError(f"{path} names no modality, so it is no model that `lumina convert` wrote.")
    return map_texts(arguments, lambda key, value: _inside(folder, value)), read_safetensors(folder / WEIGHTS)


def map_texts(value: Any, place: Rewrite, key: str = "") -> Any:
    """A plain copy of nested arguments; strings and paths go through ``place``."""
    if isinstance(value, Mapping):
        return {str(name): map_texts(item, place, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_texts(item, place, key) for item in value]
    return place(key, str(value)) if isinstance(value, (str, Path)) else value


def _inside(folder: Path, value: str) -> str:
    """The absolute path where a string names something in the folder."""
    inside = folder / value
    return str(inside.resolve()) if value and os.path.isdir(inside) else value
