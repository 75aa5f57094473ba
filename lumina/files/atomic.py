"""Files and folders that are whole or not there at all."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

PARTIAL, OLD = ".partial", ".old"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside ``path``, to be written; when the block ends without an error it replaces ``path``.

    A kill or a power cut at any moment leaves the old file or the new one. Several processes may do this at once with
    one path: each has a new file of its own, and the last one stays.

    Args:
        path: the file to write; folders above it are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}{PARTIAL}")
    try:
        partial.touch()
        mode = partial.stat().st_mode  # as the user's umask has it; safetensors makes its files private
        yield partial
        partial.chmod(mode)
        make_durable(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    make_durable(path.parent)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Lets one process at a time in, of all that name one path; the others wait. One that dies lets the next one in.

    Where no lock can be had, in a folder that cannot be written say, nobody waits.
    """
    lock = path.with_name(f".{path.name}.lock")
    descriptor = _locked(lock)
    try:
        yield
    finally:
        if descriptor is not None:
            lock.unlink(missing_ok=True)
            os.close(descriptor)


def _locked(lock: Path) -> int | None:
    """The descriptor of the locked file; who waited for one that its owner has removed waits for its successor."""
    with suppress(OSError):
        lock.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                    return descriptor
            except FileNotFoundError:
                pass
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)
    return None


def replace_folder(partial: Path, target: Path) -> None:
    """Replaces a folder, a file or a link by a folder.

    A folder cannot be renamed onto another: the old one steps aside, and `clear_leftovers` brings it back if a kill
    comes between.
    """
    old = target.with_name(f".{target.name}{OLD}")
    shutil.rmtree(old, ignore_errors=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def clear_leftovers(folder: Path, suffix: str) -> None:
    """Removes what killed writers left beside the files and folders that end in ``suffix``; brings a moved one back.

    Nobody may be writing there.
    """
    for old in folder.glob(f".*{suffix}{OLD}"):
        target = folder / old.name[1 : -len(OLD)]
        if not target.exists():
            old.rename(target)
    for path in [*folder.glob(f".*{suffix}*{PARTIAL}"), *folder.glob(f".*{suffix}{OLD}")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def clear_partial(path: Path) -> None:
    """Removes what killed writers of one file left beside it. Nobody else may be writing it."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*{PARTIAL}"):
        partial.unlink(missing_ok=True)


def make_durable(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
