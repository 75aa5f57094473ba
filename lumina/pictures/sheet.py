"""Pictures out: contact sheets and files."""

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

SMALLEST, LARGEST = 64, 512  # pixels of a picture's longer side on a sheet
GAP = 2
NARROWEST, LINE = 96, 14  # pixels of a picture with text below it, and of a line of the text
LINES = 3  # of text; what is longer is cut


def to_uint8(image: Tensor) -> Tensor:
    """``[C, H, W]`` in [-1, 1] to uint8 by rounding."""
    return (image.detach().float().cpu().clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)


def as_rgb(images: Tensor) -> Tensor:
    """``[..., 3, H, W]``: grey pictures ``[..., 1, H, W]`` with three equal channels.

    Raises:
        ValueError: for pictures of other channels.
    """
    if images.shape[-3] not in (1, 3):
        raise ValueError(f"got pictures of {images.shape[-3]} channels, expected 1 (grey) or 3 (RGB).")
    return images.expand(*images.shape[:-3], 3, *images.shape[-2:])


def contact_sheet(images: Sequence[Tensor], columns: int | None = None, captions: Sequence[str] = ()) -> Tensor:
    """One picture of all, row by row.

    Args:
        images: ``[C, H, W]`` each, in [-1, 1], 1 or 3 channels, of any sizes.
        columns: pictures in a row; None = about as many as rows.
        captions: a text for each, written below it in up to three lines; none = no text.

    Returns:
        ``[3, H', W']`` uint8. Pictures under 64 pixels are enlarged by a whole factor, so that one can see them;
        those over 512 pixels are reduced by one.
    """
    tiles = [to_uint8(_fit(image)).expand(3, -1, -1) for image in images]
    if captions:
        tiles = [_captioned(tile, text) for tile, text in zip(tiles, captions, strict=True)]
    height, width = (max(tile.shape[side] for tile in tiles) + GAP for side in (1, 2))
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    sheet = torch.full(
        (3, height * math.ceil(len(tiles) / columns) + GAP, width * columns + GAP), 255, dtype=torch.uint8
    )
    for place, tile in enumerate(tiles):
        top, left = height * (place // columns) + GAP, width * (place % columns) + GAP
        sheet[:, top : top + tile.shape[1], left : left + tile.shape[2]] = tile
    return sheet


def save_picture(image: Tensor, path: Path, texts: Mapping[str, str] | None = None) -> Path:
    """Writes ``[1 or 3, H, W]`` uint8 as PNG, with named texts of any language (iTXt chunks)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    chunks = PngInfo()
    for name, text in (texts or {}).items():
        chunks.add_itxt(name, text)
    Image.fromarray(image.permute(1, 2, 0).squeeze(-1).numpy()).save(path, pnginfo=chunks)
    return path


def _captioned(tile: Tensor, text: str) -> Tensor:
    """``[3, H, W]`` uint8 with the text below, at least wide enough for a few words."""
    width = max(tile.shape[2], NARROWEST)
    lines = _wrapped(" ".join(text.split()), width)
    page = Image.new("RGB", (width, tile.shape[1] + LINE * len(lines) + GAP), "white")
    page.paste(Image.fromarray(tile.permute(1, 2, 0).numpy()), ((width - tile.shape[2]) // 2, 0))
    place, text = (width / 2, tile.shape[1]), "\n".join(lines)
    ImageDraw.Draw(page).text(place, text, "black", _font(), anchor="ma", spacing=1, align="center")
    return torch.from_numpy(np.array(page)).permute(2, 0, 1)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` pixels, broken between words where that is possible; the last may be cut."""
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
    """Matplotlib's, which holds far more letters than Pillow's own."""
    return ImageFont.truetype(Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf"), 11)


def _fit(image: Tensor) -> Tensor:
    longer = max(image.shape[1:])
    if longer > LARGEST:
        return F.avg_pool2d(image.detach().float(), math.ceil(longer / LARGEST), ceil_mode=True)
    factor = math.ceil(SMALLEST / longer)
    return image.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
