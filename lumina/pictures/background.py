"""Pictures with transparency on a background of one colour."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageColor
from torch import Generator, Tensor

Colour = tuple[float, float, float]
"""Red, green and blue in [0, 1]."""

WHITE: Colour = (1.0, 1.0, 1.0)


def parse_colour(text: str) -> Colour:
    """The colour of a name such as "white" or "grey", or of ``#rrggbb``.

    Raises:
        ValueError: there is no such colour, or it is transparent.
    """
    try:
        red, green, blue, *alpha = ImageColor.getrgb(text)
    except ValueError:
        red, green, blue, *alpha = (0,) * 4
    if alpha:
        raise ValueError(f"{text!r} is not a colour for a background: give a name such as white or grey, or #rrggbb.")
    return red / 255, green / 255, blue / 255


def random_colour(generator: Generator) -> Colour:
    """Any colour, all equally likely."""
    red, green, blue = torch.rand(3, generator=generator).tolist()
    return red, green, blue


def square(image: Image.Image, size: int) -> Tensor:
    """The central square of an RGBA picture, ``[4, size, size]`` uint8, colours multiplied by alpha.

    Colours are resized multiplied by alpha, so that what is transparent lends none to an edge, and by a filter without
    negative weights, so that none exceeds its alpha.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = image.crop((left, top, left + side, top + side)).convert("RGBa")
    resized = middle.resize((size, size), Image.Resampling.HAMMING)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)


def composite(premultiplied: Tensor, colour: Colour) -> Tensor:
    """Pictures on a background.

    Args:
        premultiplied: ``[..., 4, H, W]`` in [0, 1], colours multiplied by alpha.
        colour: of the background.

    Returns:
        ``[..., 3, H, W]`` in [-1, 1].
    """
    colours, alpha = premultiplied.split((3, 1), -3)
    behind = torch.tensor(colour).view(3, 1, 1)
    return (colours + (1 - alpha) * behind) * 2 - 1
