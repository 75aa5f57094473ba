"""Files and folders that are whole or not there at all."""

from __future__ import annotations

import errno
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
    descriptor = _locked(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        _release(lock, descriptor)


@contextmanager
def claiming(folder: Path) -> Iterator[bool]:
    """Says whether a folder is this process's to make, of all that ask here; the others pass on to another folder.

    What a killed maker left beside it is removed. Where no lock can be had, all are told that it is theirs.
    """
    lock = claim_of(folder)
    try:
        descriptor = _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except _TakenError:
        yield False
        return
    try:
        if descriptor is not None:
            clear_partial(folder)
        yield True
    finally:
        _release(lock, descriptor)


def claim_of(folder: Path) -> Path:
    """The file by which a folder is claimed; a killed maker leaves it."""
    return folder.with_name(f".{folder.name}.lock")


class _TakenError(Exception):
    """Another process holds the lock."""


def _locked(lock: Path, how: int) -> int | None:
    """The descriptor of the locked file; who waited for one that its owner has removed waits for its successor."""
    with suppress(OSError):
        lock.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(descriptor, how)
                if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                    return descriptor
            except FileNotFoundError:
                pass
            except BlockingIOError as error:
                os.close(descriptor)
                raise _TakenError from error
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)
    return None


def _release(lock: Path, descriptor: int | None) -> None:
    if descriptor is not None:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder``, to be filled; when the block ends without an error it becomes ``folder``.

    A kill or a power cut at any moment leaves the whole folder or none. Where another process was first, its folder
    stays.

    Args:
        folder: to be made; folders above it are made too.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}{PARTIAL}")
    try:
        partial.mkdir()
        yield partial
        for path in [*partial.rglob("*"), partial]:
            make_durable(path)
        try:
            partial.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    make_durable(folder.parent)


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
        _remove(path)


def clear_partial(path: Path) -> None:
    """Removes what killed writers of one file or folder left beside it. Nobody else may be writing it."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*{PARTIAL}"):
        _remove(partial)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def make_durable(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
