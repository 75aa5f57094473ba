"""The objects that a folder of meshes holds, and what they are called."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from lumina.data.captions import read_captions
from lumina.data.census import Census
from lumina.data.sources.listing import files_below
from lumina.data.splits import WORDS
from lumina.data.uids import uids_of
from lumina.files.regular import require_regular
from lumina.scenes.beside import require_size
from lumina.scenes.catalogues import Piece, read_catalogue, read_piece
from lumina.scenes.mesh import Mesh
from lumina.scenes.normalise import Up, upright, usual_up
from lumina.scenes.reading import SUFFIXES, named_errors, read_mesh

UNREADABLE = "furniture catalogues that cannot be read"
CATALOGUE = ".sh3f"
"""The ending of catalogues of furniture."""

BESIDE = (
    *(".mtl", ".bin", ".txt", ".md", ".html", ".json"),
    *(".jpg", ".jpeg", ".png", ".tga", ".bmp", ".gif", ".tif", ".webp"),
)
"""Files that lie beside meshes, as their textures do; other files that are left out are told."""

NAMELESS = {*WORDS, *"scene model mesh object obj main untitled textured model_normalized export output".split()}
"""Names of files and folders that do not tell what they hold."""

LONGEST = 50
"""Letters of the name of a catalogue's piece; names of files have at most 255 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A mesh in a file.

    Attributes:
        name: of the object: its path below the folder, without the ending where that tells it from all others.
        file: that holds it.
        caption: of the object; empty where there is none.
        piece: of the file, which is a catalogue; None = the file is a mesh.
    """

    name: str
    file: Path
    caption: str
    piece: Piece | None = None

    def read(self, up: Up | None) -> tuple[Mesh, dict[str, Any]]:
        """The mesh, upright and normalised, and what is known of it.

        Args:
            up: the upward axis of the file; None = the usual one of its kind. Catalogues say it themselves.

        Raises:
            CorruptSample: it cannot be read.
        """
        with named_errors(self.file):
            content = {"stamp": self.stamp(), "digest": self.digest()}
        if self.piece is None:
            mesh, placed = upright(read_mesh(self.file), up or usual_up(self.file))
            return mesh, {"mesh": placed | content, "file": self.file.name}
        mesh, placed = upright(read_piece(self.piece), "y")
        about = {"file": f"{self.file.name}:{self.piece.model}", "category": self.piece.category}
        return mesh, {"mesh": placed | content, **about}

    def stamp(self) -> list[int]:
        """Bytes of the file, and when it was last written, in nanoseconds: where both stay, its content does.

        Raises:
            OSError: it is not there.
        """
        known = self.file.stat()
        return [known.st_size, known.st_mtime_ns]

    def digest(self) -> str:
        """Another one for another content of the file, or another piece; of files beside it nothing is asked.

        Raises:
            CorruptSample: it cannot be read.
        """
        if self.piece is not None:
            return self.piece.digest
        with named_errors(self.file):
            require_regular(self.file)
            require_size(self.file)
            with self.file.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()


def find_sources(root: Path, census: Census) -> list[Source]:
    """The objects in a folder and its sub-folders, or in one file, by name.

    Files of one folder whose names differ in nothing but the format's ending are one object.

    Captions are the words of the files' names, or the names that a catalogue gives. Of a name that tells nothing, as
    ``scene.gltf``, the words of the folder are taken, and so on.

    Args:
        root: the folder or the file.
        census: counts what is left out.

    Raises:
        ValueError: there are none.
    """
    folder, files = (root.parent, [root.name]) if root.is_file() else (root, files_below(root, census))
    meshes = one_a_stem([file for file in files if file.lower().endswith(SUFFIXES)], census)
    sources = [
        Source(name=file, file=folder / file, caption=words(part))
        for file, part in zip(meshes, telling_parts(meshes), strict=True)
    ]
    taken = {_bare(file).lower() for file in meshes}
    for file in files:
        if file.lower().endswith(CATALOGUE):
            sources += _pieces(folder, file, taken, census)
    census.leave_out_by_ending(file for file in files if not file.lower().endswith((*SUFFIXES, CATALOGUE, *BESIDE)))
    if not sources:
        raise ValueError(f"There are no meshes ({', '.join((*SUFFIXES, CATALOGUE))}) at {root}. Left out: {census}.")
    names = unambiguous([source.name for source in sources])
    named = [replace(source, name=name) for name, source in zip(names, sources, strict=True)]
    return sorted(named, key=lambda source: source.name)


def one_a_stem(files: Sequence[str], census: Census) -> list[str]:
    """Of files that differ in nothing but the ending those of the kind that is first in `SUFFIXES`.

    Two formats of one object would otherwise be trained on and held out. Names in another case are other objects, and
    so are ``chair.obj`` and ``chair.OBJ``, which are of one format.

    Args:
        files: meshes.
        census: counts those that are left out.
    """
    ranked = [
        (stem, SUFFIXES.index(f".{ending.lower()}"), file)
        for file in files
        for stem, _, ending in [file.rpartition(".")]
    ]
    best = {stem: rank for stem, rank, _ in sorted(ranked, reverse=True)}  # the least of each stem stays
    kinds = ", ".join(SUFFIXES).replace(".", "")
    reason = f"meshes beside one of the same name in an earlier format of {kinds} (rename them to render both)"
    census.leave_out(reason, [file for stem, rank, file in ranked if rank > best[stem]])
    return [file for stem, rank, file in ranked if rank == best[stem]]


def _pieces(folder: Path, file: str, taken: set[str], census: Census) -> Iterator[Source]:
    """The objects in a catalogue, with paths and endings as names.

    Args:
        folder: the paths start from it.
        file: the catalogue.
        taken: names without endings, in lower case, that other objects have; those of the pieces are added.
        census: counts the catalogue where it cannot be read.
    """
    try:
        pieces = read_catalogue(folder / file)
    except (OSError, ValueError) as error:
        census.leave_out(UNREADABLE, [str(error)])
        return
    for piece in pieces:
        stem = re.sub(r"[^\w-]", "_", PurePosixPath(piece.model).stem)[:LONGEST]
        tries = (f"{_bare(file)}/{stem}" + (f"-{number}" if number else "") for number in count())
        name = next(name for name in tries if name.lower() not in taken)
        taken.add(name.lower())
        yield Source(name=f"{name}.obj", file=folder / file, caption=piece.name, piece=piece)


def _bare(file: str) -> str:
    """A path without its ending."""
    return str(PurePosixPath(file).with_suffix(""))


def telling_parts(files: Sequence[str]) -> list[str]:
    """Of each path the last part, without the ending, that tells what it is.

    Names such as scene and model tell nothing, nor do those that more than nine in ten paths have in this place, nor
    the folders of splits. Where no part tells, it is the name of the file.

    >>> telling_parts(["chair/scene.gltf", "lamp/Model.obj", "a/bed.obj", "b/bed.obj", "train/main.obj"])
    ['chair', 'lamp', 'bed', 'bed', 'main']
    """
    paths = [PurePosixPath(_bare(file)).parts for file in files]
    levels = range(1, 1 + max(map(len, paths), default=0))
    times = {level: Counter(parts[-level].lower() for parts in paths if len(parts) >= level) for level in levels}

    def tells(part: str, level: int) -> bool:
        alike = times[level][part]
        return part not in NAMELESS and not (1 < alike and 10 * alike > 9 * len(paths))

    return [
        next((part for level, part in enumerate(parts[::-1], 1) if tells(part.lower(), level)), parts[-1])
        for parts in paths
    ]


def unambiguous(files: Sequence[str]) -> list[str]:
    """Paths without their endings, which stay where two files would share a name, or one lie in another's folder."""
    bare = [_bare(file) for file in files]
    times = Counter(name.lower() for name in bare)
    taken = {str(path).lower() for file in files for path in (file, *PurePosixPath(file).parents)}
    return [
        file if times[name.lower()] > 1 or name.lower() in taken else name
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
    """What a list may call an object: its name, that of its file, or any part of its path."""
    yield source.name
    if source.piece is None:
        yield source.file.stem
    yield from uids_of(source.name)
