"""Reads TensorFlow checkpoints (tensor bundles: a table of names, and one file of numbers) without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Field = int | bytes
Table = list[tuple[bytes, bytes]]

FOOTER = 48  # bytes at the end of the table; they say where its index is
TYPES = {1: "<f4", 3: "<i4", 9: "<i8"}  # numbers of TensorFlow's types


def read_tensor_bundle(prefix: Path | str) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a checkpoint of one shard, by name; float32, int32 and int64 ones.

    Args:
        prefix: path before ``.index`` and ``.data-00000-of-00001``.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a file is damaged.
    """
    index, data = Path(f"{prefix}.index").read_bytes(), Path(f"{prefix}.data-00000-of-00001").read_bytes()
    try:
        return {name: values for name, values in _tensors(index, data) if values is not None}
    except (IndexError, KeyError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{prefix}.index is damaged or no TensorFlow checkpoint ({error}); get it again.") from error


def _tensors(index: bytes, data: bytes) -> Iterator[tuple[str, npt.NDArray[Any] | None]]:
    place = len(index) - FOOTER
    for _ in range(2):  # the table of metadata
        _, place = _number(index, place)
    start, place = _number(index, place)
    length, _ = _number(index, place)
    for _, handle in _block(index, start, length):
        start, place = _number(handle, 0)
        length, _ = _number(handle, place)
        yield from ((key.decode(), _values(entry, data)) for key, entry in _block(index, start, length) if key)


def _values(entry: bytes, data: bytes) -> npt.NDArray[Any] | None:
    """The numbers that an entry of the table stands for; None if their type is another one."""
    fields = _message(entry)
    kind = TYPES.get(int(fields[1][0]))
    if kind is None:
        return None
    sides = _message(bytes(fields[2][0])).get(2, []) if 2 in fields else []
    shape = [int(_message(bytes(side)).get(1, [0])[0]) for side in sides]
    start, size = int(fields.get(4, [0])[0]), int(fields[5][0])
    return np.frombuffer(data, kind, count=size // np.dtype(kind).itemsize, offset=start).reshape(shape)


def _block(table: bytes, start: int, length: int) -> Table:
    """Keys and values of a block of the table, which stores of each key only what differs from the one before."""
    if table[start + length]:
        raise ValueError("its table is compressed")
    block = table[start : start + length]
    (restarts,) = struct.unpack("<I", block[-4:])
    place, end, key, rows = 0, len(block) - 4 - 4 * restarts, b"", Table()
    while place < end:
        same, place = _number(block, place)
        new, place = _number(block, place)
        size, place = _number(block, place)
        key = key[:same] + block[place : place + new]
        place += new + size
        rows.append((key, block[place - size : place]))
    return rows


def _message(text: bytes) -> dict[int, list[Field]]:
    """The fields of a protocol buffer by their numbers."""
    place, fields = 0, dict[int, list[Field]]()
    while place < len(text):
        tag, place = _number(text, place)
        value: Field
        match tag & 7:
            case 0:
                value, place = _number(text, place)
            case 2:
                size, place = _number(text, place)
                value, place = text[place : place + size], place + size
            case kind:
                size = {1: 8, 5: 4}[kind]
                value, place = text[place : place + size], place + size
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _number(text: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = text[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place
