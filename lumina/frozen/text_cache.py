"""A disk cache of token features, indexed by caption."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lumina.data.arrays import stamp
from lumina.files.atomic import replacing

IDENTITY = "encoder.json"


class TextCache:
    """Reads cached token features; a lookup reads only the rows of its caption.

    The features of an encoder lie in a folder of their own (`features_folder`), beside those of other encoders.
    A shard is a safetensors file with ``keys [N]`` int64 (sorted hashes of the captions), ``offsets [N + 1]`` int64 and
    ``features [tokens, C]``. ``encoder.json`` describes the encoder that wrote them.

    Args:
        folder: of the cache.
        identity: of the encoder that reads it.

    Raises:
        FileNotFoundError: the folder has no cache.
        ValueError: only different encoders wrote the cache.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        own = features_folder(folder, identity)
        if not (own / IDENTITY).is_file():
            written = [json.loads(file.read_text()) for file in sorted(folder.glob(f"*/{IDENTITY}"))]
            if not written:
                raise FileNotFoundError(f"{folder} contains no text features; create them with `lumina cache`.")
            raise ValueError(
                f"{folder} contains features of {' and of '.join(map(str, written))}, but this text encoder is "
                f"{dict(identity)}; run `lumina cache` again, or use the same encoder settings."
            )
        self._shards = [_Shard(path) for path in sorted(own.glob("text-*.safetensors"))]

    def get(self, captions: Sequence[str]) -> list[Tensor | None]:
        """The features ``[S_i, C]`` of each caption, or None if it is not cached."""
        return [self._find(caption_key(caption)) for caption in captions]

    def _find(self, key: int) -> Tensor | None:
        return next((rows for shard in self._shards if (rows := shard.find(key)) is not None), None)


class _Shard:
    def __init__(self, path: Path) -> None:
        try:
            self._file = safe_open(path, "pt")
            self.keys, self._offsets = self._file.get_tensor("keys"), self._file.get_tensor("offsets")
            self._features = self._file.get_slice("features")
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{path} is damaged ({error}): remove it and run the `lumina cache` that made it again."
            ) from error

    def find(self, key: int) -> Tensor | None:
        index = int(torch.searchsorted(self.keys, key))
        if index == len(self.keys) or int(self.keys[index]) != key:
            return None
        rows: Tensor = self._features[int(self._offsets[index]) : int(self._offsets[index + 1])]
        return rows


def features_folder(folder: Path, identity: Mapping[str, Any]) -> Path:
    """Where the features of an encoder lie in the folder of a cache."""
    return folder / stamp(sorted(identity.items()))


def holds_texts(folder: Path, number: int, identity: Mapping[str, Any], captions: Sequence[str]) -> bool:
    """Whether a shard is there and has these captions and no others.

    Args:
        folder: of the cache.
        number: of the shard.
        identity: of the encoder.
        captions: without repetition.

    Raises:
        ValueError: it is damaged.
    """
    path = _shard_path(folder, number, identity)
    return path.is_file() and _Shard(path).keys.tolist() == _keys(captions)


def write_text_shard(
    folder: Path, number: int, identity: Mapping[str, Any], features: Mapping[str, Tensor], dtype: torch.dtype
) -> None:
    """Writes one shard of a cache.

    Args:
        folder: of the cache.
        number: of the shard.
        identity: of the encoder.
        features: by caption, ``[S_i, C]`` each.
        dtype: storage type; if its range is too small, bfloat16 is used and a warning says so.
    """
    with replacing(features_folder(folder, identity) / IDENTITY) as file:
        file.write_text(json.dumps(dict(identity), indent=2) + "\n")
    rows = [features[caption].cpu() for caption in sorted(features, key=caption_key)]
    lengths = torch.tensor([0, *(len(row) for row in rows)])
    tensors = {
        "keys": torch.tensor(_keys(features)),
        "offsets": lengths.cumsum(0),
        "features": _stored(torch.cat(rows), dtype),
    }
    with replacing(_shard_path(folder, number, identity)) as file:
        save_file(tensors, file)


def _shard_path(folder: Path, number: int, identity: Mapping[str, Any]) -> Path:
    return features_folder(folder, identity) / f"text-{number:05d}.safetensors"


def _keys(captions: Iterable[str]) -> list[int]:
    return sorted(map(caption_key, captions))


def _stored(features: Tensor, dtype: torch.dtype) -> Tensor:
    """Converts to ``dtype``, or to bfloat16 if finite features would overflow, as those of T5 do in float16."""
    stored = features.to(dtype)
    if features.isfinite().all() and not stored.isfinite().all():
        warnings.warn(
            f"text features of up to {features.abs().max():.0f} overflow in {str(dtype).removeprefix('torch.')}; "
            "they are stored in bfloat16.",
            stacklevel=3,
        )
        return features.bfloat16()
    return stored


def caption_key(caption: str) -> int:
    """A 63-bit hash of a caption."""
    return int.from_bytes(hashlib.sha256(caption.encode()).digest()[:8]) >> 1
