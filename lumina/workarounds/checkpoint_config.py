"""Says where the arguments stored in a checkpoint differ from those of the run.

Lightning lets the stored arguments silently override YAML and command line whenever ``--ckpt_path`` is given. Here the
YAML and the command line hold, and every difference is named.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch


def stored_arguments(path: str | Path) -> Mapping[str, Any]:
    """The model's arguments in a checkpoint; none in a sharded one (a folder)."""
    if Path(path).is_dir():
        return {}
    stored: Mapping[str, Any] = torch.load(path, map_location="meta", weights_only=True, mmap=True).get(
        "hyper_parameters", {}
    )
    return stored


def warn_of_differences(path: str | Path, config: Mapping[str, Any]) -> None:
    """Warns with one line a difference.

    Another objective is refused: its weights have other names.

    Args:
        path: the checkpoint; a sharded one (a folder) stores no arguments.
        config: the model's arguments in this run, as plain data.

    Raises:
        ValueError: for another objective.
    """
    stored = stored_arguments(path)
    if not stored:
        return
    old, new = (_class(arguments.get("objective")) for arguments in (stored, config))
    if old is not None and old != new:
        raise ValueError(
            f"{path} was trained with the objective {old}, this run has {new}: they do not go on from each other; "
            "start from its weights with model.weights instead."
        )
    lines = [f"  model.{key}: checkpoint {old!r}, this run {new!r}" for key, old, new in differences(stored, config)]
    if lines:
        warnings.warn("\n".join([f"{path} was made with other arguments; this run's hold:", *lines]), stacklevel=2)


def differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Keys at which two nested configs differ, with both values; Lightning's own keys (``_...``) do not count."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        old, new = (dict(enumerate(items)) for items in (old, new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            if not str(name).startswith("_"):
                yield from differences(old.get(name), new.get(name), f"{key}.{name}" if key else str(name))
    elif _plain(old) != _plain(new):
        yield key, old, new


def _class(part: Any) -> str | None:
    return str(part["class_path"]) if isinstance(part, Mapping) and "class_path" in part else None


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
