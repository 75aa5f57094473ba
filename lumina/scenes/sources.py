"""The objects that a folder of meshes holds, and what they are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from lumina.data.captions import read_captions
from lumina.data.census import Census
from lumina.data.sources.listing import files_below
from lumina.scenes.reading import SUFFIXES

BESIDE = (
    *(".mtl", ".bin", ".txt", ".html", ".json"),
    *(".jpg", ".jpeg", ".png", ".tga", ".bmp", ".gif", ".tif", ".webp"),
)
"""Files that lie beside meshes, as their textures do; other files that are left out are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A mesh in a file.

    Attributes:
        name: of the object: its path below the folder, without the ending where that tells it from all others.
        file: that holds it.
        caption: of the object; empty where there is none.
    """

    name: str
    file: Path
    caption: str


def find_sources(root: Path, census: Census) -> list[Source]:
    """The objects in a folder and its sub-folders, or in one file, by name; captions are the words of their names.

    Args:
        root: the folder or the file.
        census: counts what is left out.

    Raises:
        ValueError: there are none.
    """
    folder, files = (root.parent, [root.name]) if root.is_file() else (root, files_below(root, census))
    meshes = [file for file in files if file.lower().endswith(SUFFIXES)]
    census.leave_out_by_ending(file for file in files if not file.lower().endswith((*SUFFIXES, *BESIDE)))
    if not meshes:
        raise ValueError(f"There are no meshes ({', '.join(SUFFIXES)}) at {root}. Left out: {census}.")
    names = unambiguous(meshes)
    return [
        Source(name=name, file=folder / file, caption=words(PurePosixPath(file).stem))
        for name, file in sorted(zip(names, meshes, strict=True))
    ]


def unambiguous(files: Sequence[str]) -> list[str]:
    """Paths without their endings, which stay where two files would share a name, or one lie in another's folder."""
    bare = [str(PurePosixPath(file).with_suffix("")) for file in files]
    times = Counter(name.lower() for name in bare)
    folders = {str(folder).lower() for name in files for folder in PurePosixPath(name).parents}
    return [
        file if times[name.lower()] > 1 or name.lower() in folders else name
        for name, file in zip(bare, files, strict=True)
    ]


def words(stem: str) -> str:
    """The words of a file's name in lower case; numbers and what looks like a UID are none.

    >>> words("Oak_chair-02"), words("1a04e3eab45ca15dd86060f189eb133")
    ('oak chair', '')
    """
    apart = re.sub(r"(?<=[^\W\d_])(?=\d+\b)|(?<=[a-z])(?=[A-Z])", " ", stem.replace("_", " "))
    return " ".join(word.lower() for word in re.findall(r"[^\W_]+", apart) if word.isalpha())


def with_captions(sources: Sequence[Source], file: Path, census: Census) -> list[Source]:
    """Objects with the captions of a list, in which an object's UID is its name or a part of its path.

    Args:
        sources: the objects; those that the list lacks get no caption.
        file: see `lumina.data.captions.read_captions`.
        census: counts the lines of other objects.

    Raises:
        ValueError: the list cannot be read, or names none of the objects.
    """
    uids = {uid for source in sources for uid in _uids(source)}
    texts = read_captions(file, uids, census, SUFFIXES)
    if not texts:
        raise ValueError(
            f"No line of {file} names an object, whose UIDs are file names without ending or paths below the folder, "
            f"{sources[0].name!r} say. Left out: {census}."
        )
    return [replace(one, caption=next((texts[uid] for uid in _uids(one) if uid in texts), "")) for one in sources]


def _uids(source: Source) -> Iterator[str]:
    """What a list may call an object: its name, its file's, a folder on the way to it, the nearest first."""
    yield source.name
    yield source.file.stem
    yield from reversed(PurePosixPath(source.name).parts)
