"""Caches the point clouds of many shapes in one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from lumina.data.arrays import Arrays, cached, stamp
from lumina.errors import CorruptSample

Cloud = npt.NDArray[np.float64]
Read = Callable[[int], Cloud]


class ShapeCache:
    """Clouds ``[P, 3]``; reading one that failed raises its error.

    Coordinates are stored in float32 relative to the centre of the bounding box, which is stored in float64.

    Args:
        names: names of the N shapes.
        points: maximum P.
        read: returns the points of a shape by its index; raises `CorruptSample`.
        folder: the cache folder; None = no cache.
        source: a hash that changes when a file changes.
    """

    def __init__(self, names: Sequence[str], points: int, read: Read, folder: Path | None, source: str) -> None:
        self.names = names
        arrays = cached(
            folder,
            f"clouds-{stamp(source, points, *names)}",
            lambda: _gather(names, points, read),
            lambda stored: _gather(names, points, read, stored),
        )
        self.points, self.centres = arrays["points"], arrays["centres"]
        self.counts, self.errors = arrays["counts"], arrays["errors"]
        self.indices: Sequence[int] = range(len(names))

    def select(self, indices: Sequence[int]) -> ShapeCache:
        """A cache of only the shapes at ``indices``."""
        some = copy(self)
        some.names = [self.names[index] for index in indices]
        some.indices = [self.indices[index] for index in indices]
        return some

    def read(self, index: int) -> Cloud:
        """The points of a shape, ``[P, 3]``.

        Raises:
            CorruptSample: the shape could not be read.
        """
        own = self.indices[index]
        if self.errors[own]:
            raise CorruptSample(self.names[index], self.errors[own])
        cloud: Cloud = self.points[own, : self.counts[own]] + self.centres[own]
        return cloud


def _gather(names: Sequence[str], points: int, read: Read, stored: Arrays | None = None) -> Arrays:
    """Centred points and error messages; with ``stored``, only shapes that failed before are read."""
    if stored is None:
        unread = list(range(len(names)))
        clouds, counts = np.zeros((len(names), points, 3), np.float32), np.zeros(len(names), np.int64)
        centres, errors = np.zeros((len(names), 3)), [""] * len(names)
    else:
        unread = np.flatnonzero(stored["errors"] != "").tolist()
        clouds, counts = stored["points"], stored["counts"]
        centres, errors = stored["centres"], stored["errors"].tolist()
    for index in tqdm(unread, "Points of the shapes", delay=2, disable=None):
        try:
            cloud = read(index)
        except CorruptSample as error:
            errors[index] = str(error).removeprefix(f"{names[index]}: ")  # reported and counted when it is served
            continue
        centres[index] = (cloud.min(0) + cloud.max(0)) / 2
        clouds[index, : len(cloud)], counts[index], errors[index] = cloud - centres[index], len(cloud), ""
    if stored is not None and errors == stored["errors"].tolist():
        return stored
    return {"points": clouds, "centres": centres, "counts": counts, "errors": np.array(errors)}
