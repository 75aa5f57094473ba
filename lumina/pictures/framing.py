"""Framing: crops and resizes a picture of any size to the size of the network's input."""

from __future__ import annotations

import math

import torch
from PIL import Image
from torch import Generator

from lumina.interfaces import Framing

TRIES = 10
"""Random boxes to try before falling back to the central one, as in torchvision."""


class CentreCrop(Framing):
    """DeiT's evaluation: resizes the short side (bicubic, antialiased) to ``size / share``, then crops the centre.

    Args:
        size: side of the square in pixels.
        share: side of the square over the resized short side; DeiT uses 0.875 (256 pixels for 224), DeiT-III 1.

    Raises:
        ValueError: ``size`` is less than 1, or ``share`` is not in (0, 1].
    """

    fixed = True

    def __init__(self, size: int, share: float = 0.875) -> None:
        self.side = size
        self.short = int(size / share) if share > 0 else 0
        if size < 1 or not 0 < share <= 1:
            raise ValueError(f"Got size {size} and share {share}: set 1 pixel or more, and a share in (0, 1].")

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Always the square of ``size`` by ``size`` pixels."""
        return self.side, self.side

    def apply(self, image: Image.Image, generator: Generator | None = None) -> Image.Image:
        """The central square; deterministic."""
        left, right = self._span(image.width, min(image.size))
        top, bottom = self._span(image.height, min(image.size))
        # resizing only the box gives the same pixels as resizing the whole picture, which could be huge
        return image.resize((self.side, self.side), Image.Resampling.BICUBIC, (left, top, right, bottom))

    def _span(self, length: int, short: int) -> tuple[float, float]:
        """Start and end of the square along a side of ``length`` pixels, in pixels of the original picture."""
        resized = self.short * length // short
        first = round((resized - self.side) / 2)
        return first * length / resized, min(length, (first + self.side) * length / resized)


class RandomResizedCrop(Framing):
    """A box of random area and aspect ratio, resized (bicubic, antialiased) to a square (Szegedy et al., 2015).

    Without a generator it is the largest central box with an aspect ratio in ``ratio``.

    Args:
        size: side of the square in pixels.
        scale: smallest and largest share of the picture's area; uniformly distributed.
        ratio: smallest and largest aspect ratio (width over height) of the box; log-uniformly distributed.

    Raises:
        ValueError: an argument is out of its range.
    """

    fixed = True

    def __init__(
        self, size: int, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3)
    ) -> None:
        self.side, self.scale, self.ratio = size, scale, ratio
        if size < 1 or not 0 < scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise ValueError(
                f"Got size {size}, scale {scale} and ratio {ratio}: set 1 pixel or more, two shares in (0, 1] and two "
                "positive ratios, the smaller one first."
            )

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Always the square of ``size`` by ``size`` pixels."""
        return self.side, self.side

    def apply(self, image: Image.Image, generator: Generator | None = None) -> Image.Image:
        """The box, resized to a square."""
        drawn = None if generator is None else self._draw(*image.size, generator)
        box = self._central(*image.size) if drawn is None else drawn
        return image.crop(box).resize((self.side, self.side), Image.Resampling.BICUBIC)

    def _draw(self, width: int, height: int, generator: Generator) -> tuple[int, int, int, int] | None:
        """A random box inside the picture; None if all `TRIES` boxes exceed it."""
        for _ in range(TRIES):
            area = width * height * _uniform(*self.scale, generator)
            aspect = math.exp(_uniform(math.log(self.ratio[0]), math.log(self.ratio[1]), generator))
            wide, high = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < wide <= width and 0 < high <= height:
                left = int(torch.randint(width - wide + 1, (), generator=generator))
                top = int(torch.randint(height - high + 1, (), generator=generator))
                return left, top, left + wide, top + high
        return None

    def _central(self, width: int, height: int) -> tuple[int, int, int, int]:
        wide = min(width, max(1, round(height * self.ratio[1])))
        high = min(height, max(1, round(width / self.ratio[0])))
        left, top = (width - wide) // 2, (height - high) // 2
        return left, top, left + wide, top + high


def _uniform(low: float, high: float, generator: Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))
