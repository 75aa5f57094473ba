"""Open Clip Art: drawings of eight kinds, of any size and shape, in the public domain."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from datamodules.labelled_pictures import LabelledPictures
from lumina.config.locate import locate
from lumina.data.holdout import held_out
from lumina.data.sources.listing import files_below
from lumina.errors import CorruptSample, importing
from lumina.files.atomic import one_at_a_time, replacing
from lumina.pictures.reading import load_image

CLASSES = {
    "animals": "animals",
    "flags": "signs_and_symbols/flags",
    "food": "food",
    "geography": "geography",
    "office": "office",
    "people": "people",
    "tools": "tools",
    "transportation": "transportation",
}
"""Names of the classes, and their folders."""

LEFT_OUT = ("aiga-symbols", "roadsigns", "semaphore")
"""Folders of signs, which do not show what their class says."""

HOLDOUT = 0.2
"""Share of the series of each class that is held out."""

SMALLEST = 16
"""Pixels of the short side below which a picture is left out."""


class OpenClipart(LabelledPictures):
    """About 2,000 drawings of eight kinds, from icons to posters, from banners to columns.

    The first run writes them, the larger ones reduced, into two Parquet files, which are all that is read later. A
    picture that is in several folders is taken once, or, if these are of several classes, not at all; so are those of
    less than 16 pixels, and those that Pillow holds for decompression bombs. A fifth of each class is held out, chosen
    by name; a series (``foo_01.png``, ``foo_02.png``) stays together.

    Fields: those of `LabelledPictures`.

    Args:
        root: folder of Debian's package ``openclipart-png``.
        folder: where the Parquet files go.
        max_side: longest side in pixels of the pictures in them.
        pictures: of `LabelledPictures`.
    """

    def __init__(
        self,
        root: Path = Path("/usr/share/openclipart/png"),
        folder: Path = Path("data/openclipart"),
        max_side: int = 256,
        **pictures: Any,
    ) -> None:
        self.collection, self.max_side = locate(root), max_side
        self.train, self.test = (locate(folder) / f"{split}_{max_side}.parquet" for split in ("train", "test"))
        super().__init__(
            sources=[self.train],
            eval_sources=[self.test],
            label_key="label",
            image_key="image",
            holdout=HOLDOUT,
            cache=None,
            **pictures,
        )

    def prepare_data(self) -> None:
        """Writes the two files if they are not there; of several nodes on one file system, one does.

        Raises:
            ValueError: the collection is not there.
        """
        if not self.predicts_folder:
            with one_at_a_time(self.train):
                if not (self.train.is_file() and self.test.is_file()):
                    self._write()
        super().prepare_data()

    def _write(self) -> None:
        if not all((self.collection / folder).is_dir() for folder in CLASSES.values()):
            raise ValueError(
                f"Open Clip Art's pictures are not in {self.collection}: run `apt-get install --no-install-recommends "
                "openclipart-png` (Debian, Ubuntu), or unpack that package and set data.root to its folder png."
            )
        chosen = choose(self.collection)
        rows = list(read(self.collection, tqdm(chosen, "Open Clip Art", disable=None), self.max_side))
        out = {(label, name) for label in CLASSES for name in held_out_series(chosen, label)}
        for path, held in ((self.train, False), (self.test, True)):
            write_table(path, [row for row in rows if ((row["label"], series(row["image"]["path"])) in out) == held])


def choose(root: Path) -> list[tuple[str, str]]:
    """Class and path below ``root`` of each picture; of equal files the first, and none where their classes differ."""
    found: dict[bytes, list[tuple[str, str]]] = {}
    for label, folder in CLASSES.items():
        for file in files_below(root / folder):
            if file.endswith(".png"):
                shown = "" if set(Path(file).parts) & set(LEFT_OUT) else label
                content = hashlib.sha256((root / folder / file).read_bytes()).digest()
                found.setdefault(content, []).append((shown, f"{folder}/{file}"))
    return [copies[0] for copies in found.values() if len({label for label, _ in copies}) == 1 and copies[0][0]]


def series(path: str) -> str:
    """Name of a picture without the number at its end, which pictures of one series share."""
    stem = Path(path).stem
    return re.sub(r"[\W_]*(\d+[a-z]?)?[\W_]*$", "", stem) or stem


def held_out_series(chosen: Iterable[tuple[str, str]], label: str) -> set[str]:
    """The series of a class that are held out."""
    names = sorted({series(path) for own, path in chosen if own == label})
    return {name for name, held in zip(names, held_out(names, HOLDOUT), strict=True) if held}


def read(root: Path, chosen: Iterable[tuple[str, str]], max_side: int) -> Iterable[dict[str, Any]]:
    """Rows of the table: ``label``, and ``image`` as PNG of at most ``max_side`` pixels on the longer side."""
    unreadable = []
    for label, path in chosen:
        try:
            image = load_image(root / path, path)
        except CorruptSample as error:
            unreadable.append(str(error))
            continue
        if min(image.size) >= SMALLEST:
            image.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=None)
            file = io.BytesIO()
            image.save(file, "PNG")
            yield {"label": label, "image": {"bytes": file.getvalue(), "path": path}}
    if unreadable:
        warnings.warn(f"Left out {len(unreadable)} pictures: {'; '.join(unreadable)}", stacklevel=2)


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes a Parquet file, whole or not at all.

    Raises:
        ImportError: pyarrow is not installed.
    """
    with importing("pyarrow", "a Parquet file"):
        from pyarrow import Table, parquet
    with replacing(path) as new:
        parquet.write_table(Table.from_pylist(rows), new, row_group_size=100)
