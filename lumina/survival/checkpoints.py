"""Checkpoints on disk: validation, and the choice of the newest.

Lightning loads whatever file it is given. Without these checks a run resumes from damaged or non-finite weights, or
ends with a traceback from inside torch where an older, intact checkpoint lies beside the damaged one.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lumina.files.zip_file import check_archive

META, INDEX, SIZES = "meta.pt", ".metadata", "sizes.json"  # of a sharded checkpoint
NEEDED = ("state_dict", "global_step", "pytorch-lightning_version")
RESUMED = ("epoch", "loops", "callbacks", "optimizer_states", "lr_schedulers")  # also needed to resume training
NAMED = ("hyper_parameters", "ema", "adapters")  # what holds settings or tensors by name, if it is there
SHARDED = ("state_dict", "optimizer_states")  # in the shards of a sharded checkpoint


class Broken(ValueError):
    """A checkpoint that cannot be used; the message is one sentence."""


class Progress(NamedTuple):
    """Sort key of checkpoints; the newest is the greatest."""

    version: int
    step: int
    written: float


def newest_checkpoint(folder: Path, resumes: bool = False) -> Path:
    """The newest complete checkpoint (``*.ckpt``) anywhere under ``folder``.

    It is the one with the most steps in the run with the highest ``version_N``; file dates are only a tie-breaker,
    because they change when a run is copied. A warning names each broken checkpoint on the way.

    Args:
        folder: of one or several runs.
        resumes: whether the checkpoint must allow to resume training.

    Raises:
        FileNotFoundError: there is no complete checkpoint.
    """
    progress: dict[Path, Progress] = {}
    for path in sorted(folder.rglob("*.ckpt")):
        try:
            progress[path] = _progress(path)
        except (Broken, OSError) as error:
            _skip(path, error)
    for path in sorted(progress, key=lambda path: progress[path], reverse=True):
        try:
            require_whole(path, resumes)
        except (Broken, OSError) as error:
            _skip(path, error)
        else:
            return path
    what = "give the folder of an earlier run, or start without resuming" if resumes else "give another run's folder"
    raise FileNotFoundError(f"no whole checkpoint (*.ckpt) under {folder}: {what}.")


def is_sharded(path: Path) -> bool:
    """Whether a folder is a sharded checkpoint, rather than a folder of checkpoints."""
    return path.is_dir() and ((path / META).is_file() or (path / INDEX).is_file())


def stored_step(path: Path) -> int:
    """The optimizer step at which a checkpoint was saved."""
    return int(read_head(path)["global_step"])


def read_head(path: Path, resumes: bool = False) -> dict[str, Any]:
    """Reads a checkpoint without the tensors' values: plain data, and tensors on the meta device.

    Args:
        path: the checkpoint.
        resumes: whether the checkpoint must allow to resume training.

    Raises:
        Broken: the file is damaged, or is not a checkpoint of `lumina fit`.
        OSError: the file does not exist or may not be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"checkpoint {path} does not exist; give a .ckpt file or a run's folder.")
    sharded = path.is_dir()
    if not sharded and not path.is_file():
        raise Broken(f"{path} is no regular file; give a .ckpt file or a run's folder.")
    if sharded and not is_sharded(path):
        raise Broken(f"{path} is an empty or torn folder, no checkpoint; it can be deleted.")
    if sharded:
        _require_files(path)
    file = path / META if sharded else path
    head = _head(file, file.stat().st_size, file.stat().st_mtime_ns)
    needed = [name for name in (*NEEDED, *(RESUMED if resumes else ())) if not (sharded and name in SHARDED)]
    missing = [name for name in needed if name not in head] if isinstance(head, dict) else needed
    if missing:
        raise Broken(
            f"{path} was not written by `lumina fit`, or with its weights alone: it holds no {', '.join(missing)}; "
            "give another checkpoint, or start from its weights with model.weights."
        )
    for name in NAMED:
        if not isinstance(head.get(name, {}), Mapping):
            raise Broken(
                f"{path} was not written by `lumina fit`: its {name} is a {type(head[name]).__name__}, expected "
                "named values; give another checkpoint."
            )
    if resumes and not (isinstance(head["loops"], Mapping) and "fit_loop" in head["loops"]):
        raise Broken(f"{path} does not say how far its run was; give another checkpoint.")
    return dict(head)


def require_whole(path: Path, resumes: bool = False) -> None:
    """Validates a whole checkpoint: its checksums, and that all weights are finite.

    Args:
        path: the checkpoint.
        resumes: whether the checkpoint must allow to resume training.

    Raises:
        Broken: the checkpoint is invalid; the message states the reason.
        OSError: the file does not exist or may not be read.
    """
    read_head(path, resumes)
    if path.is_dir():
        _require_shards(path)
    else:
        status = path.stat()
        _require_numbers(path, status.st_size, status.st_mtime_ns)


def _load(path: Path, **options: Any) -> Any:
    try:
        check_archive(path)
    except ValueError as error:
        raise Broken(f"{path} is not loaded: {error}; use another one.") from error
    try:
        return torch.load(path, weights_only=True, **options)
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # torch raises a different class for each way in which a file is broken
        if zipfile.is_zipfile(path) and "Weights only load failed" in str(error):
            raise Broken(
                f"{path} holds more than tensors and plain data and is not loaded; use another one."
            ) from error
        raise Broken(f"{path} is cut short, damaged or no checkpoint; copy it again or use another one.") from error


@lru_cache(maxsize=4)
def _head(path: Path, size: int, written: int) -> Any:
    """Cached `_load`; size and date of the file are part of the cache key."""
    return _load(path, map_location="meta", mmap=True)


@cache
def _require_numbers(path: Path, size: int, written: int) -> None:
    """Validates a file once per process, because it reads all of it; size and date are part of the cache key."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise Broken(f"{path} is damaged (the checksum of {damaged} is wrong); copy it again or use an earlier one.")
    checkpoint = _load(path, map_location="cpu", mmap=True)
    averaged = checkpoint.get("ema", {}).get("weights", {})
    for name, tensor in [*checkpoint["state_dict"].items(), *averaged.items()]:
        if not isinstance(tensor, Tensor):
            raise Broken(f"{path} holds a {type(tensor).__name__} as {name}, expected a tensor.")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise Broken(
                f"{path} holds NaN or infinity in {name}: its run went wrong before step {checkpoint['global_step']}; "
                "use an earlier checkpoint."
            )


def _progress(path: Path) -> Progress:
    versions = re.findall(r"version_(\d+)", str(path))
    written = (path / META if path.is_dir() else path).stat().st_mtime
    return Progress(int(versions[-1]) if versions else 0, stored_step(path), written)


def _require_files(folder: Path) -> None:
    missing = [name for name in (META, INDEX, SIZES) if not (folder / name).is_file()]
    if missing:
        raise Broken(f"{folder} is a torn sharded checkpoint: {', '.join(missing)} is missing; use an earlier one.")


def _require_shards(folder: Path) -> None:
    for name, size in json.loads((folder / SIZES).read_text()).items():
        if not (folder / name).is_file() or (folder / name).stat().st_size != size:
            raise Broken(f"{folder} is a torn sharded checkpoint: {name} has not its {size} bytes; use an earlier one.")


def _skip(path: Path, error: Exception) -> None:
    rank_zero_warn(f"{path} is broken and is skipped: {error}")
