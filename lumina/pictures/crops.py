"""Sizes of training pictures of any shape: as many tokens as the square has, or nearly."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from lumina.data.arrays import Arrays, kept
from lumina.data.sources.source import Source
from lumina.errors import CorruptSample
from lumina.pictures.reading import picture_size

Size = tuple[int, int]
"""Height and width in pixels."""


def crop_sizes(size: int, max_aspect: float = 4.0, cell: int = 16) -> list[Size]:
    """The sizes that a picture may be cropped to, from wide to tall.

    All ``rows x columns`` of cells with ``rows * columns <= (size / cell)^2 < (rows + 1) * (columns + 1)``, so that no
    size could be larger in both directions, and with no side more than ``max_aspect`` times the other. With cells of
    16 pixels and aspects up to 4 these are the released code's 49, 97 and 193 sizes for 256, 512 and 1024 pixels.

    Args:
        size: side of the square, in pixels.
        max_aspect: the long side over the short one; 1 = the square alone.
        cell: pixels along a token's side, by which every side is divisible.

    Raises:
        ValueError: ``cell`` does not divide ``size``, or ``max_aspect`` is less than 1.
    """
    if size < 1 or cell < 1 or size % cell:
        raise ValueError(f"Got size {size} with cells of {cell}: set a size that is a positive multiple of the cell.")
    if max_aspect < 1:
        raise ValueError(f"Got max_aspect {max_aspect}: set the long side over the short one, 1 or more.")
    most = (size // cell) ** 2
    return [
        (rows * cell, columns * cell)
        for rows in range(1, most + 1)
        for columns in range(max(1, most // (rows + 1)), most // rows + 1)
        if max(rows, columns) <= max_aspect * min(rows, columns)
    ]


def best_crops(picture: Size, sizes: Sequence[Size], count: int = 1) -> list[int]:
    """Places in ``sizes`` of the ``count`` that cut the least off a picture, the best first.

    Of a picture that just covers a crop, the crop keeps the share ``min(a, b) / max(a, b)`` with the ratios ``a`` and
    ``b`` of their sides.
    """
    ratios = np.asarray(sizes) / np.asarray(picture)
    kept = ratios.min(1) / ratios.max(1)
    return np.argsort(-kept, kind="stable")[:count].tolist()


class Crops:
    """Which size each picture is cropped to.

    Args:
        sizes: those there are.
        nearest: a picture has one of so many best ones, chosen by its name.

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
        """Place in ``sizes`` of the size of the picture called ``name``."""
        if picture not in self._best:
            self._best[picture] = best_crops(picture, self.sizes, self.nearest)
        return self._best[picture][zlib.crc32(os.fsencode(name)) % self.nearest]

    def of_all(self, source: Source, cache: Path | None) -> npt.NDArray[np.int64]:
        """``[N]``, for all records of a source; a picture without a readable header is taken for a square."""
        pictures = picture_sizes(source, cache).tolist()
        places = [self.of((height, width), source.name(i)) for i, (height, width) in enumerate(pictures)]
        return np.array(places, np.int64)


def picture_sizes(source: Source, cache: Path | None) -> npt.NDArray[np.int32]:
    """``[N, 2]`` height and width of every picture of a source, 1 by 1 where that cannot be read.

    Args:
        source: the pictures.
        cache: folder where they are kept, as reading all headers takes long; None = read them each time.
    """
    sizes = kept(cache, f"sizes-{source.stamp}", lambda: _sizes(source), lambda known: _sizes(source, known))["sizes"]
    return np.maximum(sizes, 1)


def _sizes(source: Source, known: Arrays | None = None) -> Arrays:
    """Heights and widths ``[N, 2]``, 0 by 0 where they cannot be read; only those not ``known`` are read."""
    sizes = np.zeros((len(source), 2), np.int32) if known is None else known["sizes"].copy()
    unknown = np.flatnonzero(sizes[:, 0] == 0).tolist()
    for index in tqdm(unknown, "Sizes of the pictures", delay=2, disable=None):
        try:
            with source.open(index) as file:
                width, height = picture_size(file, source.where(index))
        except CorruptSample:
            continue  # it is met again, named and counted, when it is served
        sizes[index] = height, width
    return known if known is not None and np.array_equal(sizes, known["sizes"]) else {"sizes": sizes}
