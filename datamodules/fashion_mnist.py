"""Fashion-MNIST (Xiao et al., 2017): 70,000 pictures of clothing, read from its own four files."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from lumina.config.locate import locate
from lumina.data.datamodule import SplitDataModule
from lumina.interfaces import Items
from lumina.pictures.reading import LabelledImages, random_flip
from lumina.values import Item, Split


class FashionMNIST(SplitDataModule):
    """60,000 pictures for training, 10,000 for validation and test, ten classes.

    Fields: ``image`` ``[B, 1, 28, 28]`` float32 in [-1, 1]; ``label`` ``[B]`` int64.

    Args:
        root: folder of ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
            ``t10k-labels-idx1-ubyte``, each with or without ``.gz``; by default where Debian's package puts them.
        flip: mirror half of the training pictures.
        loading: of `lumina.data.datamodule.SplitDataModule`.
    """

    batch_keys: tuple[str, ...] = ("image", "label")
    size = (28, 28)
    label_names: tuple[str, ...] = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )

    def __init__(
        self,
        root: Path = Path("/usr/share/datasets/fashion-mnist"),
        flip: bool = True,
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.root = locate(root)
        self.flip = flip

    def dataset(self, split: Split) -> Items:
        """The official training set, or the official test set.

        Raises:
            ValueError: a file is missing or damaged, or pictures and labels do not go together.
        """
        part = "train" if split == "train" else "t10k"
        images = read_idx(self._file(f"{part}-images-idx3-ubyte"), axes=3)
        labels = read_idx(self._file(f"{part}-labels-idx1-ubyte"), axes=1)
        if len(images) != len(labels):
            raise ValueError(
                f"{self.root} has {len(images)} pictures and {len(labels)} labels for {part}: get its files anew."
            )
        return LabelledImages(images[:, None], labels.long(), white=255)

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """Half of the training pictures mirrored."""
        if generator is None or not self.flip:
            return item
        return {**item, "image": random_flip(item["image"], generator)}

    def _file(self, name: str) -> Path:
        for path in (self.root / f"{name}.gz", self.root / name):
            if path.is_file():
                return path
        raise ValueError(
            f"Fashion-MNIST's file {name}.gz is not in {self.root}: run `apt-get install dataset-fashion-mnist` "
            "(Debian, Ubuntu), or put its four files into a folder and set data.root to it."
        )


def read_idx(path: Path, axes: int) -> Tensor:
    """An array of bytes in the idx format: ``0 0 8 axes``, then each length in 4 bytes, then the values.

    Args:
        path: the file, packed if its name ends in ``.gz``.
        axes: how many axes are expected.

    Returns:
        uint8, with ``axes`` dimensions.

    Raises:
        ValueError: the file is not of this kind, or cut off.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}): get it anew.") from error
    start = 4 + 4 * axes
    if content[:4] != bytes([0, 0, 8, axes]) or len(content) < start:
        raise ValueError(
            f"{path} begins with {content[:4].hex()}, expected 000008{axes:02x} and {axes} lengths: not idx."
        )
    shape = [int.from_bytes(content[place : place + 4], "big") for place in range(4, start, 4)]
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path} has {len(content) - start} values, expected {math.prod(shape)} for its shape {shape}: get it anew."
        )
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy())
