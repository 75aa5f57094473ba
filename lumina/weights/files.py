"""Safe reading of weights and settings: JSON, safetensors and `torch.save` files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lumina.files.zip_file import check_archive


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
    """Reads a `torch.save` file with memory-mapped tensors; refuses files that would run code.

    Raises:
        ValueError: the file is damaged, or contains more than tensors and plain data.
    """
    try:
        check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except OSError:
        raise
    except Exception as error:  # torch raises a different class for each way in which a file is broken
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"{path} is broken, or no file of tensors alone that is safe to load ({reason}); fetch it again, or have "
            "its owner save the tensors as safetensors."
        ) from error
