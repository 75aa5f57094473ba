"""Files of views, one layout a module."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lumina.data.census import Census
from lumina.data.sources.listing import CLOSED, NOWHERE
from lumina.errors import CorruptSample
from lumina.pictures.reading import SUFFIXES
from lumina.scenes.layouts.colmap import COLMAP
from lumina.scenes.layouts.g_objaverse import G_OBJAVERSE
from lumina.scenes.layouts.layout import Layout, read_safely
from lumina.scenes.layouts.nerf_synthetic import NERF_SYNTHETIC
from lumina.scenes.layouts.ours import FILE, OURS
from lumina.scenes.layouts.zero123 import ZERO123
from lumina.scenes.views import ViewSet

__all__ = ["LAYOUTS", "TAR", "find_view_sets", "read_views", "write_views"]

LAYOUTS = {layout.name: layout for layout in (OURS, NERF_SYNTHETIC, ZERO123, G_OBJAVERSE, COLMAP)}
"""By the name that users type."""

TAR = ".tar"
WITHIN = f"objects inside of an object's folder, where {FILE} lies"
BESIDE = f"{TAR} archives beside folders of objects"
BARE = "folders of pictures without cameras"


def layout_of(folder: Path) -> Layout | None:
    """The layout of the views in a folder, None where there are none."""
    return next((layout for layout in LAYOUTS.values() if layout.is_at(folder)), None)


def read_views(folder: Path) -> ViewSet:
    """The views of one object, in any layout.

    Raises:
        CorruptSample: they cannot be used, or the folder holds none; says why.
    """
    layout = layout_of(folder)
    if layout is None:
        raise CorruptSample(folder, f"it holds no views in a known layout ({', '.join(LAYOUTS)})")
    return read_safely(layout, folder)


def write_views(views: ViewSet, folder: Path, layout: str = OURS.name) -> None:
    """Writes the views of one object into a folder, into which pictures from elsewhere are copied.

    Args:
        views: their pictures exist.
        folder: is made if it does not exist.
        layout: a name of `LAYOUTS` that can be written.
    """
    write = LAYOUTS[layout].write
    assert write is not None
    write(views, folder)


def find_view_sets(root: Path, census: Census | None = None) -> list[Path]:
    """The folders below a folder, itself included, that hold the views of one object, sorted.

    Asks for names alone and reads no file. Hidden folders are left out. Links are followed, and of several paths to one
    folder the first counts.

    Args:
        root: the folder.
        census: counts what is left out; None = not counted.
    """
    return sorted(_find(root, set(), Census() if census is None else census))


def _find(folder: Path, seen: set[tuple[int, int]], census: Census) -> Iterator[Path]:
    try:
        facts = os.stat(folder)
        if (facts.st_dev, facts.st_ino) in seen:
            return
        seen.add((facts.st_dev, facts.st_ino))
        layout = layout_of(folder)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name) if layout is None else []
    except OSError:
        census.leave_out(CLOSED, [str(folder)])
        return
    if layout is not None:
        census.leave_out(WITHIN, list(_within(folder)) if layout is OURS else [])
        yield folder
        return
    visible = [entry for entry in entries if not entry.name.startswith(".")]
    folders = [entry for entry in visible if _is_folder(entry)]
    _count([entry for entry in visible if not _is_folder(entry)], folder, not folders, census)
    for entry in folders:
        yield from _find(Path(entry), seen, census)


def _within(folder: Path) -> Iterator[str]:
    """The objects in an object's folder, at any depth; what links lead to is not searched."""
    for around, names, _ in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith("."))
        inside = [os.path.join(around, name) for name in names]
        yield from (path for path in inside if os.path.isfile(os.path.join(path, FILE)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link to itself, at which `is_dir` of an entry fails, is none."""
    return os.path.isdir(entry) if entry.is_symlink() else entry.is_dir()


def _count(files: Sequence[os.DirEntry[str]], folder: Path, last: bool, census: Census) -> None:
    """Counts what a folder without cameras holds; ``last`` = it has no sub-folders."""
    census.leave_out(NOWHERE, [file.path for file in files if file.is_symlink() and not os.path.exists(file)])
    census.leave_out(BESIDE, [file.path for file in files if file.name.lower().endswith(TAR)])
    bare = last and any(file.name.lower().endswith(SUFFIXES) for file in files)
    census.leave_out(BARE, [str(folder)] if bare else [])
