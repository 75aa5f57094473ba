"""Pictures out: contact sheets and files."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor
from torch.nn import functional as F

SMALLEST, LARGEST = 64, 512  # pixels of a picture's longer side on a sheet
GAP = 2
CAPTIONED, LINE = 128, 12  # pixels of a picture with a line of text
HEADER = 33  # bytes of a PNG file's signature and of its first chunk


def to_uint8(image: Tensor) -> Tensor:
    """``[C, H, W]`` in [-1, 1] to uint8 by rounding."""
    return (image.detach().float().cpu().clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)


def contact_sheet(images: Sequence[Tensor], columns: int | None = None) -> Tensor:
    """One picture of all, row by row.

    Args:
        images: ``[C, H, W]`` each, in [-1, 1], 1 or 3 channels, of any sizes.
        columns: pictures in a row; None = about as many as rows.

    Returns:
        ``[3, H', W']`` uint8. Pictures under 64 pixels are enlarged by a whole factor, so that one can see them;
        those over 512 pixels are reduced by one.
    """
    tiles = [to_uint8(_fit(image)).expand(3, -1, -1) for image in images]
    height, width = (max(tile.shape[side] for tile in tiles) + GAP for side in (1, 2))
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    sheet = torch.full(
        (3, height * math.ceil(len(tiles) / columns) + GAP, width * columns + GAP), 255, dtype=torch.uint8
    )
    for place, tile in enumerate(tiles):
        top, left = height * (place // columns) + GAP, width * (place % columns) + GAP
        sheet[:, top : top + tile.shape[1], left : left + tile.shape[2]] = tile
    return sheet


def save_picture(image: Tensor, path: Path) -> Path:
    """Writes ``[1 or 3, H, W]`` uint8 as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.permute(1, 2, 0).squeeze(-1).numpy()).save(path)
    return path


def save_pictures(images: Sequence[Tensor], folder: Path, first: int = 0) -> list[Path]:
    """Writes pictures in [-1, 1] as ``00000.png``, ``00001.png``, ..., counted from ``first``."""
    return [save_picture(to_uint8(image), folder / f"{number:05d}.png") for number, image in enumerate(images, first)]


def captioned(image: Tensor, text: str) -> Tensor:
    """A picture ``[1 or 3, H, W]`` brought to 128 pixels, a line of text below: ``[3, 140, 128]``, all in [-1, 1]."""
    picture = Image.fromarray(to_uint8(image).expand(3, -1, -1).permute(1, 2, 0).numpy())
    tile = Image.new("RGB", (CAPTIONED, CAPTIONED + LINE), "white")
    picture = ImageOps.contain(picture, (CAPTIONED, CAPTIONED))
    tile.paste(picture, ((CAPTIONED - picture.width) // 2, (CAPTIONED - picture.height) // 2))
    ImageDraw.Draw(tile).text((2, CAPTIONED), text, fill="black")
    return torch.from_numpy(np.array(tile)).permute(2, 0, 1).float() / 127.5 - 1


def add_text(path: Path, texts: Mapping[str, str]) -> None:
    """Puts named texts into a PNG file as iTXt chunks, which hold any language; the picture is not touched."""
    data = path.read_bytes()
    chunks = [_chunk(b"iTXt", f"{name}\0\0\0\0\0{text}".encode()) for name, text in texts.items()]
    path.write_bytes(data[:HEADER] + b"".join(chunks) + data[HEADER:])


def _fit(image: Tensor) -> Tensor:
    longer = max(image.shape[1:])
    if longer > LARGEST:
        return F.avg_pool2d(image.detach().float(), math.ceil(longer / LARGEST), ceil_mode=True)
    factor = math.ceil(SMALLEST / longer)
    return image.repeat_interleave(factor, 1).repeat_interleave(factor, 2)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
