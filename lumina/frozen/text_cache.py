"""Token features of captions on disk, found by caption."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lumina.files.atomic import replacing

IDENTITY = "encoder.json"


class TextCache:
    """Shards of features; a lookup reads only the rows of its caption.

    A shard is a safetensors file with ``keys [N]`` int64 (sorted hashes of the captions), ``offsets [N + 1]`` int64 and
    ``features [tokens, C]``. ``encoder.json`` says what encoder wrote them.

    Args:
        folder: of the cache.
        identity: of the encoder that reads it.

    Raises:
        FileNotFoundError: if there is no cache.
        ValueError: if another encoder wrote it.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        if not (folder / IDENTITY).is_file():
            raise FileNotFoundError(
                f"{folder} holds no text features ({IDENTITY} is missing); `lumina cache` makes them."
            )
        written = json.loads((folder / IDENTITY).read_text())
        if written != dict(identity):
            raise ValueError(
                f"{folder} holds features of {written}, but this text encoder is {dict(identity)}; "
                "cache again, or give the encoder the same settings."
            )
        self._shards = [_Shard(path) for path in sorted(folder.glob("text-*.safetensors"))]

    def get(self, captions: Sequence[str]) -> list[Tensor | None]:
        """Of each caption the features ``[S_i, C]``, or None."""
        return [self._find(caption_key(caption)) for caption in captions]

    def _find(self, key: int) -> Tensor | None:
        return next((rows for shard in self._shards if (rows := shard.find(key)) is not None), None)


class _Shard:
    def __init__(self, path: Path) -> None:
        try:
            self._file = safe_open(path, "pt")
            self._keys, self._offsets = self._file.get_tensor("keys"), self._file.get_tensor("offsets")
            self._features = self._file.get_slice("features")
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{path} is damaged ({error}): remove it and run the `lumina cache` that made it again."
            ) from error

    def find(self, key: int) -> Tensor | None:
        place = int(torch.searchsorted(self._keys, key))
        if place == len(self._keys) or int(self._keys[place]) != key:
            return None
        rows: Tensor = self._features[int(self._offsets[place]) : int(self._offsets[place + 1])]
        return rows


def write_text_shard(
    folder: Path, number: int, identity: Mapping[str, Any], features: Mapping[str, Tensor], dtype: torch.dtype
) -> None:
    """Writes one shard of a cache.

    Args:
        folder: of the cache.
        number: of the shard.
        identity: of the encoder.
        features: by caption, ``[S_i, C]`` each.
        dtype: to store them in; bfloat16 where it is too narrow, which a warning says.
    """
    with replacing(folder / IDENTITY) as file:
        file.write_text(json.dumps(dict(identity), indent=2) + "\n")
    rows = [features[caption].cpu() for caption in sorted(features, key=caption_key)]
    lengths = torch.tensor([0, *(len(row) for row in rows)])
    tensors = {
        "keys": torch.tensor(sorted(caption_key(caption) for caption in features)),
        "offsets": lengths.cumsum(0),
        "features": _stored(torch.cat(rows), dtype),
    }
    with replacing(folder / f"text-{number:05d}.safetensors") as file:
        save_file(tensors, file)


def _stored(features: Tensor, dtype: torch.dtype) -> Tensor:
    """In ``dtype``, or in bfloat16 where that would make infinities of finite features, as float16 does of T5's."""
    stored = features.to(dtype)
    if features.isfinite().all() and not stored.isfinite().all():
        warnings.warn(
            f"text features of up to {features.abs().max():.0f} do not fit into {str(dtype).removeprefix('torch.')}; "
            "they are stored in bfloat16.",
            stacklevel=3,
        )
        return features.bfloat16()
    return stored


def caption_key(caption: str) -> int:
    """A 63-bit hash."""
    return int.from_bytes(hashlib.sha256(caption.encode()).digest()[:8]) >> 1
