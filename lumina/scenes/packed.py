"""View sets in tar archives.

Each object has a folder, or names such as WebDataset's: ``UID.000.png``, ``UID.transforms.json``.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np

from lumina.data.arrays import Arrays, cached, file_stamp, stamp
from lumina.data.census import Census
from lumina.data.sources.find import files_named
from lumina.data.sources.listing import files_below
from lumina.data.sources.tar_index import Span, link_target, members_of
from lumina.data.splits import find_level
from lumina.errors import CorruptSample
from lumina.pictures.reading import SUFFIXES
from lumina.scenes.layouts import TAR, read_views
from lumina.scenes.sets import FolderSets, Opened, ViewSets, split_apart, splits_of
from lumina.values import Split

Members = Mapping[str, Span]
"""Offset and size in an archive by name."""

CAMERAS = re.compile(r"(.+)\.transforms(?:_\w+)?\.json")
"""Names of WebDataset's for a file of cameras, and what all names of the object begin with."""
WANTED = (*SUFFIXES, ".json", ".npy", ".txt")
"""Suffixes of members that are unpacked; cameras and pictures have no others."""


class PackedSets(ViewSets):
    """View sets in uncompressed tar archives; one is unpacked into a temporary folder for as long as it is read.

    The names of the archives and of their folders say the splits; where they do not, the folders in the archives.

    Args:
        paths: the archives.
        root: the folder to which names are relative.
        cache: folder for the index of the archives; None = read them through each time.
        census: counts what is left out.

    Raises:
        ValueError: an archive cannot be read to its end.
    """

    def __init__(self, paths: Sequence[Path], root: Path, cache: Path | None, census: Census) -> None:
        self.paths = paths
        self.names: list[str] = []
        self.objects: list[str] = []
        self.splits: list[Split | None] = []
        self._packed: list[tuple[Path, Members]] = []
        files = [str(path.relative_to(root)) for path in paths]
        level = find_level(root, files, shards=True)
        for path, own, split in zip(paths, files, splits_of(files, level), strict=True):
            for name, members in by_object(_indexed(path, cache), census).items():
                self.names.append(f"{own}:{name}" if name else own)
                self.objects.append(name or path.stem)
                self.splits.append(split)
                self._packed.append((path, members))
        if level is None:
            self.objects, self.splits = split_apart(root, self.objects)

    def open(self, index: int) -> Opened:
        """A view set, unpacked."""
        place = TemporaryDirectory(prefix="lumina-views-", ignore_cleanup_errors=True)
        folder = Path(place.name) / (PurePosixPath(self.objects[index]).name or "views")
        try:
            _unpack(*self._packed[index], folder)
            return Opened(read_views(folder), place)
        except (CorruptSample, OSError) as error:
            reason = str(error).replace(f"{folder}/", "").replace(f"{folder}: ", "")
            raise CorruptSample(self.names[index], reason) from error

    @cached_property
    def stamp(self) -> str:
        """A hash of the archives."""
        return file_stamp(self.paths)


def read_members(path: Path) -> Arrays:
    """The wanted members of an archive: ``names`` ``[M]``, ``spans`` ``[M, 2]`` with offset and size.

    Raises:
        ValueError: the archive cannot be read to its end.
    """
    found: dict[str, Span] = {}
    links: dict[str, str] = {}
    for member in members_of(path):
        name = posixpath.normpath(member.name)
        if _strange(name) or not name.lower().endswith(WANTED):
            pass
        elif member.isreg():
            found[name] = (member.offset_data, member.size)
        elif (target := link_target(member)) is not None:
            links[name] = target
    found |= {name: found[target] for name, target in links.items() if target in found}
    return {"names": np.array(list(found), np.str_), "spans": np.array(list(found.values()), np.int64).reshape(-1, 2)}


def _indexed(path: Path, cache: Path | None) -> Members:
    index = cached(cache, f"views-{stamp(file_stamp([path]), WANTED)}", lambda: read_members(path))
    return dict(zip(index["names"].tolist(), map(tuple, index["spans"].tolist()), strict=True))


def by_object(members: Members, census: Census) -> dict[str, Members]:
    """The members of each object, by their paths in its folder.

    Args:
        members: of an archive, by name.
        census: counts what has no pictures.
    """
    roots = {root for name in members if (root := _root(name)) is not None}
    keys = {found[1] for name in members if (found := CAMERAS.fullmatch(name))}
    objects: dict[str, dict[str, Span]] = {}
    for name, span in members.items():
        own, below = _place(name, roots, keys)
        objects.setdefault(own, {})[below] = span
    bare = {own for own, inside in objects.items() if not any(one.lower().endswith(SUFFIXES) for one in inside)}
    census.leave_out("folders in archives without pictures", sorted(bare))
    return {own: inside for own, inside in sorted(objects.items()) if own not in bare}


def _root(name: str) -> str | None:
    """The folder of the object of which a member describes all cameras; None = it describes none, or one."""
    folder, file = posixpath.split(name)
    if file == "images.txt":  # of COLMAP
        return re.sub(r"(^|/)sparse(/0)?$", "", folder)
    return folder if file.startswith("transforms") else None


def _place(name: str, roots: set[str], keys: set[str]) -> tuple[str, str]:
    """The object of a member, and its path in the object's folder.

    Args:
        name: of the member.
        roots: folders of objects.
        keys: what names of WebDataset's begin with, as far as cameras tell; others end at the first dot.
    """
    path = PurePosixPath(name)
    own = next((folder for folder in path.parents if _text(folder) in roots), None)
    if own is None and path.name.count(".") > 1:
        words = path.name.split(".")
        starts = {_text(path.with_name(".".join(words[:end]))): end for end in range(len(words) - 2, 0, -1)}
        key, end = next((one for one in starts.items() if one[0] in keys), [*starts.items()][-1])
        return key, ".".join(words[end:])
    if own is None:
        view = path.parent.name  # where each view has a folder, its files begin with the folder's name
        own = path.parent.parent if view and path.stem.split("_")[0] == view else path.parent
    return _text(own), str(path.relative_to(own))


def _text(folder: PurePosixPath) -> str:
    return "" if folder == PurePosixPath() else str(folder)


def _strange(name: str) -> bool:
    """Whether a name is hidden or leads out of the archive's folder."""
    return name.startswith("/") or any(part.startswith(".") for part in name.split("/"))


def _unpack(archive: Path, members: Members, folder: Path) -> None:
    with archive.open("rb") as packed:
        for below, (offset, size) in members.items():
            file = folder / below
            file.parent.mkdir(parents=True, exist_ok=True)
            packed.seek(offset)
            file.write_bytes(packed.read(size))


def open_sets(root: Path, cache: Path | None, census: Census) -> ViewSets:
    """The view sets at a path.

    Args:
        root: a folder of view sets; or of archives, an archive, or a pattern of archives.
        cache: of `PackedSets`.
        census: counts what is left out.

    Raises:
        ValueError: there are none, or an archive cannot be read.
    """
    found = _in_folder(root, cache, census) if root.is_dir() else _in_archives(files_named(root), cache, census)
    if not found.names:
        raise ValueError(
            f"Found no views of objects in {root}: expected folders with transforms.json and pictures, as `lumina "
            "render` writes them, or in another known layout, or .tar archives of such; change data.root. Left "
            f"out: {census}."
        )
    return found


def _in_folder(root: Path, cache: Path | None, census: Census) -> ViewSets:
    listed = Census()
    folders = FolderSets(root, listed)
    if folders.names:
        census.left_out.update((census + listed).left_out)
        return folders
    files = files_below(root, census, (TAR,))
    census.leave_out_by_ending(file for file in files if not file.lower().endswith(TAR))
    return PackedSets([root / file for file in files if file.lower().endswith(TAR)], root, cache, census)


def _in_archives(files: Sequence[Path], cache: Path | None, census: Census) -> ViewSets:
    strange = next((file for file in files if file.suffix.lower() != TAR), None)
    if strange is not None:
        raise ValueError(f"{strange} holds no views: set data.root to a folder, or to .tar archives.")
    return PackedSets(files, Path(os.path.commonpath([file.parent for file in files])), cache, census)
