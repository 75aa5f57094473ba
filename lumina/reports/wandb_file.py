"""The records of a W&B run on this machine: files ``run-ID.wandb``, protocol buffers in LevelDB's log format."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lumina.errors import importing

HEADER, BLOCK, FRAME = 7, 32_768, 7  # bytes: of the file, of a block, of a fragment's frame
FULL, LAST = 1, 4
"""Kinds of fragments that end a record."""


def read_history(path: Path) -> list[dict[str, Any]]:
    """What was logged: a dictionary for each call of ``wandb.log``, in which media are dictionaries too."""
    with importing("wandb", "a run logged to Weights & Biases"):
        from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]  # made when it is imported

    rows: list[dict[str, Any]] = []
    for content in _contents(path.read_bytes()):
        record = Record.FromString(content)
        if record.WhichOneof("record_type") == "history":
            rows.append({})
            for item in record.history.item:
                name, *below = item.nested_key or [item.key]
                row = rows[-1].setdefault(name, {}) if below else rows[-1]
                row[".".join(below) or name] = json.loads(item.value_json)
    return rows


def _contents(data: bytes) -> Iterator[bytes]:
    """The records; one that a killed run has left half written ends them."""
    place, parts = HEADER, b""
    while place + FRAME <= len(data):
        room = BLOCK - place % BLOCK
        if room < FRAME:  # no frame fits into the rest of a block
            place += room
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        part = data[place + FRAME : place + FRAME + length]
        if not kind or len(part) < length:
            return
        parts, place = parts + part, place + FRAME + length
        if kind in (FULL, LAST):
            yield parts
            parts = b""
