"""What a mesh names beside itself: material files, textures, buffers. Never anything outside its folder or the net."""

from __future__ import annotations

import os
import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from lumina.files.regular import open_regular
from lumina.files.zip_file import check_swelling

MOST_BYTES = 1 << 30
"""Of a mesh, and of each file beside it."""

FOLDERS = ("", "textures", "texture", "images", "maps", "materials")
"""Where a file is looked for by its name alone, in any case."""


class Beside(ABC):
    """The files beside a mesh."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The content of a file, by its path relative to the mesh's folder.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no ordinary file, or implausibly large.
        """

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """What a folder holds, relative to the mesh's; nothing where there is none."""

    def find(self, named: str) -> str | None:
        """The path of a file that a mesh names: as it is written, in another case, or elsewhere by its last name.

        Paths of the machine that wrote the mesh (``C:/textures/wood.jpg``, ``../wood.jpg``) count by their last name;
        addresses on the net are never found.
        """
        if "://" in named:
            return None
        for name in dict.fromkeys((named, unquote(named))):
            path = PurePosixPath(name.strip().strip('"').replace("\\", "/"))
            tries = [path] if _is_inside(path) else []
            tries += [PurePosixPath(folder, path.name) for folder in FOLDERS if path.name not in ("", "..")]
            for attempt in tries:
                found = self._in_any_case(attempt)
                if found is not None:
                    return found
        return None

    def _in_any_case(self, path: PurePosixPath) -> str | None:
        """The path with each of its parts in the case that is there."""
        folder = ""
        for part in path.parts:
            there = self.names(folder)
            same = part if part in there else next((one for one in there if one.lower() == part.lower()), None)
            if same is None:
                return None
            folder = f"{folder}/{same}".lstrip("/")
        return folder


def require_size(file: Path) -> None:
    """Refuses a file of more than `MOST_BYTES`.

    Raises:
        ValueError: naming both sizes.
        OSError: it is not there.
    """
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{file.name} has {size:,} bytes, of which {MOST_BYTES:,} are read")


def _is_inside(path: PurePosixPath) -> bool:
    """Whether a path leads into the folder that it starts from."""
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and ":" not in path.parts[0]


@dataclass(frozen=True, slots=True)
class InFolder(Beside):
    """Files of a folder.

    Attributes:
        folder: the mesh's.
    """

    folder: Path

    def read(self, name: str) -> bytes:
        """Its content."""
        require_size(self.folder / name)
        with open_regular(self.folder / name) as file:
            return file.read()

    def names(self, folder: str) -> list[str]:
        """What is there, sorted."""
        try:
            return sorted(os.listdir(self.folder / folder))
        except OSError:
            return []


@dataclass(frozen=True, slots=True)
class InArchive(Beside):
    """Files of a zip archive.

    Attributes:
        archive: open.
        folder: the mesh's, in the archive.
    """

    archive: zipfile.ZipFile
    folder: str

    def read(self, name: str) -> bytes:
        """Its content."""
        member = f"{self.folder}/{name}".lstrip("/")
        try:
            check_swelling([self.archive.getinfo(member)])
            return self.archive.read(member)
        except KeyError:
            raise FileNotFoundError(f"{name} is not in the archive") from None

    def names(self, folder: str) -> list[str]:
        """What is there, sorted."""
        start = "/".join(part for part in (self.folder, folder) if part)
        start = f"{start}/" if start else ""
        within = (name.removeprefix(start) for name in self.archive.namelist() if name.startswith(start))
        return sorted({name.partition("/")[0] for name in within} - {""})
