"""Clouds of many shapes, read once and kept as one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from lumina.data.arrays import Arrays, kept, stamp
from lumina.errors import CorruptSample

Cloud = npt.NDArray[np.float64]
Read = Callable[[int], Cloud]


class ShapeCache:
    """Clouds ``[P, 3]``; those that could not be read say why when they are asked for.

    Coordinates are kept in float32 relative to the centre of the cloud's box, which is kept in float64.

    Args:
        names: of the shapes, N.
        points: the greatest P.
        read: gives the points of a shape by its number; raises `CorruptSample`.
        folder: where the clouds are kept; None keeps nothing.
        source: a short name that changes when a file changes.
    """

    def __init__(self, names: Sequence[str], points: int, read: Read, folder: Path | None, source: str) -> None:
        self.names = names
        arrays = kept(
            folder,
            f"clouds-{stamp(source, points, *names)}",
            lambda: _gather(names, points, read),
            lambda known: _gather(names, points, read, known),
        )
        self.points, self.centres = arrays["points"], arrays["centres"]
        self.counts, self.errors = arrays["counts"], arrays["errors"]
        self.indices: Sequence[int] = range(len(names))

    def select(self, indices: Sequence[int]) -> ShapeCache:
        """Those of the shapes alone."""
        some = copy(self)
        some.names = [self.names[index] for index in indices]
        some.indices = [self.indices[index] for index in indices]
        return some

    def read(self, index: int) -> Cloud:
        """``[P, 3]``.

        Raises:
            CorruptSample: the shape could not be read.
        """
        own = self.indices[index]
        if self.errors[own]:
            raise CorruptSample(self.names[index], self.errors[own])
        cloud: Cloud = self.points[own, : self.counts[own]] + self.centres[own]
        return cloud


def _gather(names: Sequence[str], points: int, read: Read, known: Arrays | None = None) -> Arrays:
    """Points about their centres, and why shapes could not be read; only those not ``known`` are read."""
    if known is None:
        unread = list(range(len(names)))
        clouds, counts = np.zeros((len(names), points, 3), np.float32), np.zeros(len(names), np.int64)
        centres, errors = np.zeros((len(names), 3)), [""] * len(names)
    else:
        unread = np.flatnonzero(known["errors"] != "").tolist()
        clouds, counts = known["points"], known["counts"]
        centres, errors = known["centres"], known["errors"].tolist()
    for index in tqdm(unread, "Points of the shapes", delay=2, disable=None):
        try:
            cloud = read(index)
        except CorruptSample as error:
            errors[index] = str(error).removeprefix(f"{names[index]}: ")  # it is named and counted when it is served
            continue
        centres[index] = (cloud.min(0) + cloud.max(0)) / 2
        clouds[index, : len(cloud)], counts[index], errors[index] = cloud - centres[index], len(cloud), ""
    if known is not None and errors == known["errors"].tolist():
        return known
    return {"points": clouds, "centres": centres, "counts": counts, "errors": np.array(errors)}
