"""Cache keys for measurements of real data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from torch import Tensor

from lumina.interfaces import DataModule
from lumina.pictures.sheet import to_uint8
from lumina.values import Item, Split

SERVED = 16  # samples hashed beside the file stamp; they reflect how pictures are cropped, scaled and selected


def identity(data: DataModule, split: Split, fields: Sequence[str], *others: object) -> str:
    """A short hash that changes with the samples of a split and with their preprocessing.

    For data in files it covers the name, size and date of every file and `SERVED` samples; for other data, all
    samples.

    Args:
        data: the datamodule.
        split: the split.
        fields: the measured fields of a sample.
        others: anything else on which the measurement depends.
    """
    samples, stamp = data.samples(split), data.stamp(data.dataset(split))
    count = len(samples)
    chosen: Iterable[int] = range(count) if stamp is None else {k * count // SERVED for k in range(SERVED)}
    digest = hashlib.sha256(repr((stamp, count, *others)).encode())
    for index in sorted(chosen):
        batch = data.collate([samples[index].item])
        digest.update(b"".join(_bytes(batch, field) for field in fields))
    return digest.hexdigest()[:16]


def _bytes(batch: Item, field: str) -> bytes:
    value = batch[field][0]
    if not isinstance(value, Tensor):
        return repr(value).encode()
    value = to_uint8(value) if field == "image" else value
    return repr(tuple(value.shape)).encode() + value.cpu().numpy().tobytes()
