"""Makes datamodules/data/line_drawings: 32 Fluent emoji as line drawings, the data of experiments/toy/emoji_lora.yaml.

``python scripts/emoji/line_drawings.py``, from the repository's root.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from pyarrow import parquet

EMOJI = Path("datamodules/data/fluent_emoji/train.parquet")
OUTPUT = Path("datamodules/data/line_drawings")
COUNT, SIDE, LARGE = 32, 64, 256
GROUPS = ("Animals & Nature", "Food & Drink", "Objects", "Travel & Places")


def drawing(picture: Image.Image) -> Image.Image:
    """Dark where colours change."""
    large = picture.resize((LARGE, LARGE), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2.0))
    pixels = np.asarray(large, float)
    across = np.diff(pixels, axis=1, append=pixels[:, -1:])
    down = np.diff(pixels, axis=0, append=pixels[-1:])
    edges = np.hypot(np.abs(across).max(-1), np.abs(down).max(-1))
    lines = Image.fromarray((255 - np.clip(14 * (edges - 2.5), 0, 225)).astype(np.uint8))
    return lines.filter(ImageFilter.GaussianBlur(0.8)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def main() -> None:
    """Writes pictures and captions."""
    rows = [row for row in parquet.read_table(EMOJI).to_pylist() if row["group"] in GROUPS]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for row in rows[:: len(rows) // COUNT][:COUNT]:
        picture = Image.open(io.BytesIO(row["image"])).convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        ground.alpha_composite(picture)
        drawing(ground.convert("RGB")).quantize(16).save(OUTPUT / f"{row['name']}.png", optimize=True)
        (OUTPUT / f"{row['name']}.txt").write_text(f"line drawing of {row['caption']}\n")


if __name__ == "__main__":
    main()
