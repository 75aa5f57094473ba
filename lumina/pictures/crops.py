"""Crop sizes for pictures of any aspect ratio with about as many tokens as a square picture."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from lumina.data.arrays import Arrays, cached
from lumina.data.sources.source import Source
from lumina.errors import CorruptSample
from lumina.pictures.reading import picture_size

Size = tuple[int, int]
"""Height and width in pixels."""


def crop_sizes(size: int, max_aspect: float = 4.0, cell: int = 16) -> list[Size]:
    """The allowed crop sizes, from wide to tall.

    They are all grids of ``rows x columns`` cells with aspect ratios up to ``max_aspect`` and with
    ``rows * columns <= (size / cell)^2 < (rows + 1) * (columns + 1)``, so no size could grow in both directions. With
    cells of 16 pixels and aspect ratios up to 4 these are the 49, 97 and 193 sizes of the released code for 256, 512
    and 1024 pixels.

    Args:
        size: side of the square in pixels.
        max_aspect: largest ratio of the long side to the short side; 1 = only the square.
        cell: side of a token in pixels; it divides both sides of every crop.

    Raises:
        ValueError: ``cell`` does not divide ``size``, or ``max_aspect`` is less than 1.
    """
    if size < 1 or cell < 1 or size % cell:
        raise ValueError(f"Got size {size} with cells of {cell}: set a size that is a positive multiple of the cell.")
    if max_aspect < 1:
        raise ValueError(f"Got max_aspect {max_aspect}: set the ratio of the long to the short side, 1 or more.")
    most = (size // cell) ** 2
    return [
        (rows * cell, columns * cell)
        for rows in range(1, most + 1)
        for columns in range(max(1, most // (rows + 1)), most // rows + 1)
        if max(rows, columns) <= max_aspect * min(rows, columns)
    ]


def best_crops(picture: Size, sizes: Sequence[Size], count: int = 1) -> list[int]:
    """Indices into ``sizes`` of the ``count`` crops that remove the smallest part of a picture, best first.

    After resizing the picture to just cover the crop, the crop contains the share ``min(a, b) / max(a, b)`` of it; a
    and b are the ratios of crop height to picture height and of crop width to picture width.
    """
    ratios = np.asarray(sizes) / np.asarray(picture)
    shares = ratios.min(1) / ratios.max(1)
    return np.argsort(-shares, kind="stable")[:count].tolist()


class Crops:
    """Assigns a crop size to each picture.

    Args:
        sizes: the allowed sizes.
        nearest: number of best sizes to choose from; a checksum of the picture's name chooses one.

    Raises:
        ValueError: ``nearest`` is less than 1.
    """

    def __init__(self, sizes: Sequence[Size], nearest: int = 1) -> None:
        self.sizes = sizes
        self.nearest = min(nearest, len(sizes))
        self._best: dict[Size, list[int]] = {}
        if nearest < 1:
            raise ValueError(f"Got nearest_sizes {nearest}: set 1 or more.")

    def of(self, picture: Size, name: str) -> int:
        """Index into ``sizes`` for a picture with this size and name."""
        if picture not in self._best:
            self._best[picture] = best_crops(picture, self.sizes, self.nearest)
        return self._best[picture][zlib.crc32(os.fsencode(name)) % self.nearest]

    def of_all(self, source: Source, cache: Path | None) -> npt.NDArray[np.int64]:
        """Indices ``[N]`` for all records of a source; a picture with an unreadable header counts as a square."""
        pictures = picture_sizes(source, cache).tolist()
        indices = [self.of((height, width), source.name(i)) for i, (height, width) in enumerate(pictures)]
        return np.array(indices, np.int64)


def picture_sizes(source: Source, cache: Path | None) -> npt.NDArray[np.int32]:
    """Height and width ``[N, 2]`` of every picture of a source; 1 by 1 if its header cannot be read.

    Args:
        source: the pictures.
        cache: folder for the result, because reading all headers takes long; None = read them each time.
    """
    name = f"sizes-{source.stamp}"
    arrays = cached(cache, name, lambda: _sizes(source), lambda known: _sizes(source, known))
    return np.maximum(arrays["sizes"], 1)


def _sizes(source: Source, known: Arrays | None = None) -> Arrays:
    """Heights and widths ``[N, 2]``, 0 by 0 where unreadable; only pictures without a known size are read."""
    sizes = np.zeros((len(source), 2), np.int32) if known is None else known["sizes"].copy()
    missing = np.flatnonzero(sizes[:, 0] == 0).tolist()
    for index in tqdm(missing, "Sizes of the pictures", delay=2, disable=None):
        try:
            with source.open(index) as file:
                width, height = picture_size(file, source.where(index))
        except CorruptSample:
            continue  # reported when the sample is read
        sizes[index] = height, width
    return known if known is not None and np.array_equal(sizes, known["sizes"]) else {"sizes": sizes}
