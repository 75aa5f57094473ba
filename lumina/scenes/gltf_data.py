"""The numbers of a glTF file: accessors into buffers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.scenes.beside import Beside

KINDS = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
MOST_NUMBERS = 200_000_000
"""Of one accessor."""

MOST_EMPTY = 3_000_000
"""Of one accessor that has no bytes, or some alone: a file without any can announce each number."""


class Accessors:
    """What accessors hold, by number: ``[N, C]``, floats in [0, 1] or [-1, 1] where they are normalised integers.

    Args:
        head: the file's JSON.
        buffers: its bytes.
    """

    def __init__(self, head: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        self.head = head
        self.buffers = buffers

    def __getitem__(self, number: int) -> npt.NDArray[Any]:
        """One accessor.

        Raises:
            ValueError: it reaches beyond its buffer, or is implausibly large.
        """
        accessor = self.head["accessors"][number]
        kind, width, count = np.dtype(KINDS[accessor["componentType"]]), WIDTHS[accessor["type"]], accessor["count"]
        most = (MOST_NUMBERS if "bufferView" in accessor else MOST_EMPTY) // width
        if not 0 <= count <= most:
            without = "" if "bufferView" in accessor else " without data"
            raise ValueError(f"it announces {count} elements{without}, of which {most} are read")
        values = np.zeros((count, width), kind)
        if "bufferView" in accessor:
            values = self._values(accessor["bufferView"], accessor.get("byteOffset", 0), kind, count, width)
        if "sparse" in accessor:
            values = self._changed(values, accessor["sparse"])
        return _scaled(values) if accessor.get("normalized") and kind.kind != "f" else values

    def view(self, number: int) -> bytes:
        """The bytes of a buffer view.

        Raises:
            ValueError: it reaches beyond its buffer.
        """
        view = self.head["bufferViews"][number]
        start, length = view.get("byteOffset", 0), view["byteLength"]
        data = self.buffers[view["buffer"]]
        if not 0 <= start <= start + length <= len(data):
            raise ValueError(f"it needs {start + length} bytes of a buffer of {len(data)}: the file is cut off")
        return data[start : start + length]

    def _values(self, view: int, offset: int, kind: np.dtype[Any], count: int, width: int) -> npt.NDArray[Any]:
        data = self.view(view)
        row = kind.itemsize * width
        stride = self.head["bufferViews"][view].get("byteStride", row)
        needed = offset + (count - 1) * stride + row if count else 0
        if offset < 0 or stride < row or needed > len(data):
            raise ValueError(f"it needs {needed} bytes of a view of {len(data)}: the file is damaged")
        if not count:
            return np.zeros((0, width), kind)
        wanted = np.frombuffer(data, np.uint8, needed - offset, offset)
        rows = np.lib.stride_tricks.as_strided(wanted, (count, row), (stride, 1))
        return np.ascontiguousarray(rows).view(kind.newbyteorder("<")).reshape(count, width)

    def _changed(self, values: npt.NDArray[Any], sparse: Mapping[str, Any]) -> npt.NDArray[Any]:
        count, places, new = sparse["count"], sparse["indices"], sparse["values"]
        offsets = (part.get("byteOffset", 0) for part in (places, new))
        kind = np.dtype(KINDS[places["componentType"]])
        rows = self._values(places["bufferView"], next(offsets), kind, count, 1)[:, 0]
        changed = values.copy()
        changed[rows] = self._values(new["bufferView"], next(offsets), values.dtype, count, values.shape[1])
        return changed


def _scaled(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return np.maximum(values.astype(np.float32) / np.iinfo(values.dtype).max, -1)


def bytes_of(uri: str, beside: Beside) -> bytes:
    """What a URI stands for: data of its own, or a file beside.

    Raises:
        ValueError: it names something that is not beside the file.
        OSError: the file cannot be read.
    """
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=False)
        except binascii.Error as error:
            raise ValueError(f"its embedded data is damaged ({error})") from error
    found = beside.find(uri)
    if found is None:
        raise ValueError(f"it names {uri}, which is no file in its folder: put what it needs beside it")
    return beside.read(found)
