"""By what a kept measurement of real pictures is found again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from torch import Tensor

from lumina.data.samples import Samples
from lumina.interfaces import DataModule
from lumina.pictures.sheet import to_uint8
from lumina.values import Item, Split

SERVED = 16  # pictures looked at beside the stamp of the files: they tell how pictures are cropped, scaled, chosen


def identity(data: DataModule, split: Split, fields: Sequence[str], *others: object) -> str:
    """A short name that changes with the pictures of a split and with how they are served.

    Of data in files it is made of the name, size and date of every file, and of some samples; of other data of all
    samples.

    Args:
        data: the data.
        split: the split.
        fields: of the samples that were measured.
        others: what else the measurement depends on.
    """
    dataset = data.dataset(split)
    samples, stamp = Samples(dataset, data.seed, None), data.stamp(dataset)
    count = len(samples)
    chosen: Iterable[int] = range(count) if stamp is None else {k * count // SERVED for k in range(SERVED)}
    found = hashlib.sha256(repr((stamp, count, *others)).encode())
    for index in sorted(chosen):
        batch = data.collate([samples[index].item])
        found.update(b"".join(_bytes(batch, field) for field in fields))
    return found.hexdigest()[:16]


def _bytes(batch: Item, field: str) -> bytes:
    value = batch[field][0]
    if not isinstance(value, Tensor):
        return repr(value).encode()
    value = to_uint8(value) if field == "image" else value
    return repr(tuple(value.shape)).encode() + value.numpy().tobytes()
