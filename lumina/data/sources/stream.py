"""Reads folders written by litdata."""

from __future__ import annotations

import io
import json
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from torch import Tensor

from lumina.data.arrays import file_stamp, stamp
from lumina.data.census import Census
from lumina.data.sources.source import Fields, Source, Wanted, as_record, medium_of
from lumina.errors import importing

INDEX = "index.json"
FORMATS = (
    *("str", "text", "bool", "int", "float", "bytes", "json", "file", "tifffile", "pil", "jpeg", "jpeg_array"),
    *("numpy", "no_header_numpy", "tensor", "no_header_tensor"),
)
"""Field formats of litdata that are safe to read."""

PNG = ("1", "L", "LA", "I", "I;16", "RGB", "RGBA")
"""Pillow modes that PNG supports."""


class Stream(Source):
    """The output of ``litdata.optimize``: dictionaries whose medium is encoded bytes or a picture.

    For a JPEG stored as a Pillow picture, litdata returns a tensor ``[C, H, W]``.

    Args:
        root: the folder.
        wanted: what to look for.

    Raises:
        ImportError: litdata is not installed.
    """

    def __init__(self, root: Path, wanted: Wanted) -> None:
        self.root = root
        self.wanted, self.census = wanted, Census()
        self.size = len(self.records)

    @cached_property
    def records(self) -> Any:
        """The dataset, opened separately in each process."""
        with importing("litdata", "a litdata folder"):
            from litdata import StreamingDataset
        _refuse_pickles(self.root / INDEX)
        return StreamingDataset(str(self.root))

    def __len__(self) -> int:
        return self.size

    def name(self, index: int) -> str:
        """The number of the record."""
        return str(index)

    @cached_property
    def stamp(self) -> str:
        """A hash of the folder's files and the name of the medium field."""
        return stamp(self.wanted.names, file_stamp(sorted(self.root.iterdir())))

    def _medium(self, index: int) -> BinaryIO:
        value = medium_of(self._fields(index), self.wanted)
        if isinstance(value, bytes | memoryview):
            return io.BytesIO(value)
        picture = _picture(value)
        file = io.BytesIO()
        (picture if picture.mode in PNG else picture.convert("RGB")).save(file, "PNG", compress_level=0)
        file.seek(0)
        return file

    def _fields(self, index: int) -> Fields:
        return as_record(self.records[index])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "records"}  # a worker opens its own


def _refuse_pickles(index: Path) -> None:
    """Refuses formats that can execute code when they are read, such as pickle.

    Raises:
        ValueError: a field has such a format.
    """
    formats = json.loads(index.read_bytes()).get("config", {}).get("data_format") or []
    strange = sorted({str(form) for form in formats if str(form).partition(":")[0] not in FORMATS})
    if strange:
        raise ValueError(
            f"{index} says that its records are stored as {', '.join(strange)}, which can execute code when read; "
            "write them with litdata as bytes, text, numbers, pictures or arrays."
        )


def _picture(value: Any) -> Image.Image:
    if isinstance(value, Image.Image) and value.mode == "P":
        raise ValueError("the picture has the mode P, whose palette litdata does not store; write it as RGB")
    if isinstance(value, Image.Image):
        return value
    if isinstance(value, Tensor):
        value = value.movedim(0, -1).numpy() if value.ndim == 3 else value.numpy()
    if not isinstance(value, np.ndarray):
        raise ValueError(f"the medium is {type(value).__name__}, expected encoded bytes or a picture")
    if value.dtype != np.uint8 or not (value.ndim == 2 or (value.ndim == 3 and value.shape[2] in (1, 3, 4))):
        raise ValueError(f"the medium has shape {list(value.shape)} of {value.dtype}, expected a picture of uint8")
    return Image.fromarray(value.squeeze(-1) if value.shape[2:] == (1,) else value)
