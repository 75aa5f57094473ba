"""Files of views, one layout a module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lumina.errors import CorruptSample
from lumina.scenes.layouts.colmap import COLMAP
from lumina.scenes.layouts.g_objaverse import G_OBJAVERSE
from lumina.scenes.layouts.layout import Layout, read_safely
from lumina.scenes.layouts.nerf_synthetic import NERF_SYNTHETIC
from lumina.scenes.layouts.ours import OURS
from lumina.scenes.layouts.zero123 import ZERO123
from lumina.scenes.views import ViewSet

__all__ = ["LAYOUTS", "find_view_sets", "read_views", "write_views"]

LAYOUTS = {layout.name: layout for layout in (OURS, NERF_SYNTHETIC, ZERO123, G_OBJAVERSE, COLMAP)}
"""By the name that users type."""


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


def find_view_sets(root: Path) -> list[Path]:
    """The folders below a folder, itself included, that hold the views of one object, sorted.

    Asks for names alone and reads no file. Hidden folders are left out. Links are followed, and of several paths to one
    folder the first counts.
    """
    return sorted(_find(root, set()))


def _find(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    facts = os.stat(folder)
    if (facts.st_dev, facts.st_ino) in seen:
        return
    seen.add((facts.st_dev, facts.st_ino))
    if layout_of(folder) is not None:
        yield folder
        return
    with os.scandir(folder) as entries:
        folders = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    for name in sorted(folders):
        yield from _find(folder / name, seen)
