"""Contact sheets and PNG files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torch.nn import functional as F

SMALLEST, LARGEST = 64, 512  # range of a picture's longer side on a sheet, in pixels
GAP = 2  # pixels between pictures
NARROWEST, LINE = 96, 14  # least width of a picture with a caption, and height of a line of text, in pixels
LINES = 3  # of text; longer captions are truncated


def to_uint8(image: Tensor) -> Tensor:
    """Converts ``[C, H, W]`` in [-1, 1] to uint8 by rounding, on its device."""
    return (image.detach().float().clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)


def as_rgb(images: Tensor) -> Tensor:
    """Expands grey pictures ``[..., 1, H, W]`` to three channels; RGB pictures are returned unchanged.

    Raises:
        ValueError: the number of channels is neither 1 nor 3.
    """
    if images.shape[-3] not in (1, 3):
        raise ValueError(f"got pictures of {images.shape[-3]} channels, expected 1 (grey) or 3 (RGB).")
    return images.expand(*images.shape[:-3], 3, *images.shape[-2:])


def contact_sheet(
    images: Sequence[Tensor], columns: int | None = None, captions: Sequence[str] = (), largest: int = LARGEST
) -> Tensor:
    """Arranges pictures on one sheet, row by row.

    Args:
        images: ``[C, H, W]`` each, in [-1, 1], with 1 or 3 channels, of any sizes.
        columns: pictures per row; None = about as many as rows.
        captions: one text per picture, written below it in up to three lines; empty = no text.
        largest: longer side of a picture, in pixels, above which it is reduced.

    Returns:
        ``[3, H', W']`` uint8. Pictures below 64 pixels are enlarged by an integer factor, those above ``largest``
        are reduced by one.
    """
    tiles = [to_uint8(_fit(image, largest)).cpu().expand(3, -1, -1) for image in images]
    if captions:
        tiles = [_captioned(tile, text) for tile, text in zip(tiles, captions, strict=True)]
    height, width = (max(tile.shape[side] for tile in tiles) + GAP for side in (1, 2))
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    sheet = torch.full(
        (3, height * math.ceil(len(tiles) / columns) + GAP, width * columns + GAP), 255, dtype=torch.uint8
    )
    for index, tile in enumerate(tiles):
        top, left = height * (index // columns) + GAP, width * (index % columns) + GAP
        sheet[:, top : top + tile.shape[1], left : left + tile.shape[2]] = tile
    return sheet


def save_picture(image: Tensor, path: Path, texts: Mapping[str, str] | None = None) -> Path:
    """Writes ``[1 or 3, H, W]`` uint8 as PNG, with named Unicode texts as iTXt chunks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    chunks = PngInfo()
    for name, text in (texts or {}).items():
        chunks.add_itxt(name, text)
    Image.fromarray(image.cpu().permute(1, 2, 0).squeeze(-1).numpy()).save(path, pnginfo=chunks)
    return path


def _captioned(tile: Tensor, text: str) -> Tensor:
    """``[3, H, W]`` uint8 with the text below, at least `NARROWEST` pixels wide."""
    width = max(tile.shape[2], NARROWEST)
    lines = _wrapped(" ".join(text.split()), width)
    page = Image.new("RGB", (width, tile.shape[1] + LINE * len(lines) + GAP), "white")
    page.paste(Image.fromarray(tile.permute(1, 2, 0).numpy()), ((width - tile.shape[2]) // 2, 0))
    origin, text = (width / 2, tile.shape[1]), "\n".join(lines)
    ImageDraw.Draw(page).text(origin, text, "black", _font(), anchor="ma", spacing=1, align="center")
    return torch.from_numpy(np.array(page)).permute(2, 0, 1)


def _wrapped(text: str, width: int) -> list[str]:
    """Splits text into at most `LINES` lines of ``width`` pixels, between words if possible; the rest is truncated."""
    lines: list[str] = []
    while text and len(lines) < LINES:
        room = next((n for n in range(min(len(text), width), 1, -1) if _font().getlength(text[:n]) <= width), 1)
        if room < len(text) and " " in text[1 : room + 1]:
            room = text.rindex(" ", 1, room + 1)
        lines.append(text[:room])
        text = text[room:].lstrip()
    return [*lines[:-1], f"{lines[-1][:-1]}…"] if text else lines


@cache
def _font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans from Matplotlib, which covers far more scripts than Pillow's default font."""
    return ImageFont.truetype(Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf"), 11)


def _fit(image: Tensor, largest: int) -> Tensor:
    longer = max(image.shape[1:])
    if longer > largest:
        return F.avg_pool2d(image.detach().float(), math.ceil(longer / largest), ceil_mode=True)
    factor = math.ceil(SMALLEST / longer)
    return image.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
