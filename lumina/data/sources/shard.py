"""Reads tar shards in the WebDataset format with random access."""

from __future__ import annotations

import io
import json
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from lumina.data.arrays import cached, file_stamp, stamp
from lumina.data.census import Census, LeftOut
from lumina.data.sources.source import Fields, Source, Wanted, as_record
from lumina.data.sources.tar_index import read_index

TEXTS = ("txt", "cls")
"""Suffixes of members that become a field of that name: a caption, a class number."""


class Shard(Source):
    """The samples of a tar: members that share a name up to the first dot (a medium, texts, ``.json``).

    A name with more dots (``img.v1.000.jpg``) is cut before the wanted suffix instead, if a medium and its text share
    that name, or if no sample has the name up to the first dot.

    The fields are those of the JSON, and ``txt`` or ``cls``; a caption field may also be the suffix of a text member
    (``"llava.txt"``). The offsets of the members are read once and cached.

    Args:
        path: the uncompressed tar.
        root: the folder to which names are relative.
        wanted: what to look for.

    Raises:
        ValueError: the tar cannot be read to its end, or has no samples.
    """

    def __init__(self, path: Path, root: Path, wanted: Wanted) -> None:
        self.root = root
        self.path = path
        usual = [name for name in wanted.usual if name in TEXTS]
        self.texts = (*usual, *(name for name in wanted.captions or () if name.endswith(".txt")))
        kinds = {ending: 0 for ending in wanted.endings} | {".json": 1}
        kinds |= {f".{text}": 2 + number for number, text in enumerate(self.texts)}
        self.endings = wanted.endings
        name = f"tar-{stamp(file_stamp([path]), kinds, wanted.texts)}"
        index = cached(wanted.cache, name, lambda: read_index(path, kinds, wanted.texts))
        self.keys, self.spans = index["keys"], index["spans"]
        self.census = Census()
        for reason, count, example in zip(index["reasons"], index["counts"], index["examples"], strict=True):
            self.census.left_out[str(reason)] = LeftOut(int(count), f"{self.path.name}:{example}")
        if not len(self.keys):
            raise ValueError(
                f"{path} has no samples: expected members ending in {', '.join(kinds)}. Left out: {self.census}."
            )

    def __len__(self) -> int:
        return len(self.keys)

    def name(self, index: int) -> str:
        """The tar's path and the sample's key, as ``a/b.tar:key``."""
        return f"{self.path.relative_to(self.root)}:{self.keys[index]}"

    @cached_property
    def stamp(self) -> str:
        """A hash of the tar and the suffixes of the members read."""
        return stamp(file_stamp([self.path]), self.endings, self.texts)

    def _file_name(self, index: int) -> str:
        return str(self.keys[index])

    def _medium(self, index: int) -> BinaryIO:
        offset, size = self.spans[index, 0].tolist()
        if size < 0:
            raise ValueError(f"no member ends in {', '.join(self.endings)}")
        return io.BufferedReader(Member(self.path, offset, size))

    def _fields(self, index: int) -> Fields:
        table = self._read(index, 1)
        fields = {} if table is None else as_record(json.loads(table))
        for number, text in enumerate(self.texts):
            content = self._read(index, 2 + number)
            if content is not None:
                fields[text] = content.decode("utf-8-sig")
        return fields

    def _read(self, index: int, kind: int) -> bytes | None:
        offset, size = self.spans[index, kind].tolist()
        if size < 0:
            return None
        with Member(self.path, offset, size) as member:
            return member.read()


class Member(io.RawIOBase):
    """A byte range of a file as a seekable file; a picture's header can be read without its pixels.

    Args:
        path: the file.
        offset: start of the range in bytes.
        size: length of the range in bytes.
    """

    def __init__(self, path: Path, offset: int, size: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._offset, self._size, self._position = offset, size, 0

    def readable(self) -> bool:
        """True: the range is always readable."""
        return True

    def seekable(self) -> bool:
        """True: the range is always seekable."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a position and returns it, in bytes from the start of the range."""
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fills ``buffer`` from the current position and returns the number of bytes read."""
        self._file.seek(self._offset + self._position)
        view = memoryview(buffer)[: max(0, self._size - self._position)]
        count = self._file.readinto(view)
        self._position += count
        return count

    def close(self) -> None:
        """Closes the underlying file."""
        self._file.close()
        super().close()
