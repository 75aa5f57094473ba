"""Safe reading of weights and settings: JSON, safetensors and `torch.save` files; what is wrong with their tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lumina.files.zip_file import check_archive

LISTED = 4  # names per category in an error

_HOMES = ("numpy.core.multiarray", "numpy._core.multiarray")  # of NumPy 1 and 2
_NUMBERS: list[Any] = [np.dtype, np.ndarray, *{type(np.dtype(code)) for code in "?bBhHiIlLqQefd"}]
_NUMBERS += [(np.float64().__reduce__()[0], f"{home}.scalar") for home in _HOMES]
_NUMBERS += [(np.zeros(0).__reduce__()[0], f"{home}._reconstruct") for home in _HOMES]


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file does not contain a JSON object.
    """
    try:
        settings = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); fetch or copy it again.") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} holds a {type(settings).__name__}, expected named settings; give a model's folder.")
    return settings


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, memory-mapped.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is cut short or no safetensors file ({error}); fetch or copy it again.") from error


def read_pickle(path: Path) -> Any:
    """Reads a `torch.save` file; refuses files that would run code. Tensors are memory-mapped but in files before 1.6.

    Raises:
        ValueError: the file is damaged, or contains more than tensors, NumPy's numbers and plain data.
    """
    try:
        check_archive(path)
        with torch.serialization.safe_globals(_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except OSError:
        raise
    except Exception as error:  # torch raises a different class for each way in which a file is broken
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        reason = reason.partition(". In PyTorch")[0]  # the rest is advice to load it unsafely
        raise ValueError(
            f"{path} is broken, or no file of tensors alone that is safe to load ({reason}); fetch it again, or have "
            "its owner save the tensors as safetensors."
        ) from error


def check_tensors(
    source: Path,
    expected: Mapping[str, torch.Size],
    actual: Mapping[str, Tensor],
    model: str = "the architecture that comes with them",
) -> None:
    """Compares the names and shapes of tensors with the expected ones.

    Args:
        source: of the tensors, for the message.
        expected: shapes by name.
        actual: tensors by name.
        model: description of the model that expects them, for the message.

    Raises:
        ValueError: lists missing and unexpected tensors and tensors of the wrong shape.
    """
    shapes = [
        f"{name} {list(actual[name].shape)} instead of {list(shape)}"
        for name, shape in expected.items()
        if name in actual and actual[name].shape != shape
    ]
    problems = {
        "missing": sorted(expected.keys() - actual.keys()),
        "unexpected": sorted(actual.keys() - expected.keys()),
        "of another shape": shapes,
    }
    faults = [f"{len(names)} {kind} ({named(names)})" for kind, names in problems.items() if names]
    if faults:
        raise ValueError(
            f"{source}: expected the {len(expected)} tensors of {model}, got "
            f"{'; '.join(faults)}; the file is damaged or belongs to another model."
        )


def named(names: Sequence[str]) -> str:
    """The first `LISTED` names as text, with "..." if there are more."""
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
