"""Folders that litdata has optimised."""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from lumina.data.arrays import file_stamp
from lumina.data.sources.source import Fields, Source, Wanted, as_record, medium_of

INDEX = "index.json"


class Stream(Source):
    """What ``litdata.optimize`` wrote: records that are dictionaries, the medium encoded bytes or a Pillow picture.

    Args:
        root: the folder.
        wanted: what to look for.

    Raises:
        ImportError: litdata is not installed.
    """

    def __init__(self, root: Path, wanted: Wanted) -> None:
        self.root = root
        self.wanted = wanted
        self.size = len(self.records)

    @cached_property
    def records(self) -> Any:
        """The dataset, opened in the process that reads it."""
        try:
            from litdata import StreamingDataset
        except ImportError as error:
            raise ImportError('litdata folders need litdata: pip install "lumina-nextdit[data]".') from error
        return StreamingDataset(str(self.root))

    def __len__(self) -> int:
        return self.size

    def name(self, index: int) -> str:
        """Number of the record."""
        return str(index)

    def stamp(self) -> str:
        """Of the folder's index."""
        return file_stamp([self.root / INDEX])

    def _medium(self, index: int) -> BinaryIO:
        value = medium_of(self._fields(index), self.wanted)
        if isinstance(value, bytes | memoryview):
            return io.BytesIO(value)
        if not isinstance(value, Image.Image):
            raise ValueError(f"the medium is {type(value).__name__}, expected encoded bytes or a Pillow picture")
        file = io.BytesIO()
        value.save(file, "PNG", compress_level=0)
        file.seek(0)
        return file

    def _fields(self, index: int) -> Fields:
        return as_record(self.records[index])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "records"}  # a worker opens its own
