"""Pictures of any size and shape, to be recognised."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pillow
from torch import Generator, Tensor, nn

from lumina.conditioning.label import check_count
from lumina.data.classes import learn_classes
from lumina.files.csv_cells import plain_cells
from lumina.interfaces import Framing, Head, Modality
from lumina.pictures.sheet import contact_sheet
from lumina.values import Batch, Tokens
from modalities.image import Image, Images

Floats = npt.NDArray[np.float64]
TABLE = "probabilities.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What the network says of a picture.

    Attributes:
        name: of the picture; None = the data names none.
        image: ``[C, H, W]`` in [-1, 1], as the network saw it.
        probabilities: ``[K]``, of the classes.
        classes: their names.
        truth: name of the class it is of; None = the data does not say.
    """

    name: str | None
    image: Tensor
    probabilities: Tensor
    classes: Sequence[str]
    truth: str | None = None

    @property
    def best(self) -> tuple[str, float]:
        """The likeliest class, and how likely it is."""
        place = int(self.probabilities.argmax())
        return self.classes[place], float(self.probabilities[place])

    def __str__(self) -> str:
        """The likeliest class beside the true one."""
        name, share = self.best
        told = "" if self.truth is None else " ✓" if self.truth == name else f", is {self.truth}"
        return f"{name}: {share:.0%}{told}"


class Recognition(Modality):
    """Patches of pictures of any size as tokens; logits become probabilities of named classes.

    A `lumina.interfaces.Framing` brings each picture to a size that patches divide: `DynamicPartition` keeps its shape.

    Args:
        size: height and width of the training pictures in pixels (the greatest of each, where there are many):
            what the rules for larger sizes measure from.
        channels: of the pictures, 1 or 3.
        patch_size: side of a patch in pixels.
        classes: names of the classes in the order of their labels; None = those of the data.
    """

    batch_keys: ClassVar[tuple[str, ...]] = ("image",)
    decodes: ClassVar[type] = Tensor
    position_axes = 2

    def __init__(
        self, size: tuple[int, int], channels: int = 3, patch_size: int = 16, classes: list[str] | None = None
    ) -> None:
        super().__init__()
        self.patches, self.classes = Image(size, channels, patch_size), classes
        self.token_dim = self.patches.token_dim

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """The names of the data's classes, where none are given.

        Raises:
            ValueError: for data with other classes, and for tokens of another size.
        """
        if getattr(data, "max_tokens", None) is not None and data.patch_size != self.patches.patch_size:
            raise ValueError(
                f"the data counts tokens in patches of {data.patch_size} pixels, the modality cuts patches of "
                f"{self.patches.patch_size}; set data.patch_size to that."
            )
        self.classes = learn_classes(data, self.classes, None, "the modality")
        return {"classes": self.classes}

    def compress(self, batch: Batch) -> Images:
        """The pictures themselves."""
        return self.patches.compress(batch)

    def tokenize(self, latent: Images, batch: Batch) -> Tokens:
        """Patches in raster order; mixed sizes are padded to the longest.

        Raises:
            ValueError: for pictures of other channels, or of sides that the patch does not divide.
        """
        return self.patches.tokenize(latent, batch)

    def layout(self, count: int, request: Mapping[str, Any]) -> Tokens:
        """Empty pictures; ``request["size"]`` = (height, width) in pixels."""
        return self.patches.layout(count, request)

    def example_batch(self, count: int) -> Batch:
        """Uniform noise pictures."""
        return self.patches.example_batch(count)

    def decode(self, outputs: Tensor, batch: Batch) -> list[Recognised]:
        """Probabilities of logits ``[B, K]``, beside the pictures of the batch; classes without a name are numbered."""
        named = self.classes or []
        classes = [*named, *(str(number) for number in range(len(named), outputs.shape[1]))]
        unknown = [None] * len(outputs)
        names, labels = batch.get("name", unknown), batch.get("label")
        truths = unknown if labels is None else [_named(classes, label) for label in labels.tolist()]
        return [
            Recognised(name=name, image=image, probabilities=row, classes=classes, truth=truth)
            for name, image, row, truth in zip(names, batch["image"], outputs.softmax(1), truths, strict=True)
        ]

    def picture(
        self, samples: Sequence[Recognised], captions: Sequence[str] = (), batch: Batch | None = None
    ) -> Tensor:
        """All pictures on one sheet, the likeliest class below each, and the true one where it is known."""
        return contact_sheet([sample.image for sample in samples], captions=[str(sample) for sample in samples])

    def wandb_media(
        self, samples: Sequence[Recognised], captions: Sequence[str] = (), batch: Batch | None = None
    ) -> Any:
        """A table with a row a picture: what it is taken for, how surely, and what it is."""
        import wandb

        table = wandb.Table(columns=["name", "picture", "class", "probability", "truth"])
        for sample in samples:
            table.add_data(
                sample.name,
                wandb.Image(contact_sheet([sample.image]).permute(1, 2, 0).numpy()),
                *sample.best,
                sample.truth,
            )
        return table

    def save(
        self,
        samples: Sequence[Recognised],
        folder: Path,
        numbers: Sequence[int],
        texts: Sequence[Mapping[str, str]] = (),
        batch: Batch | None = None,
    ) -> list[Path]:
        """A row a picture in ``probabilities.csv``: its name or number, the likeliest class, all probabilities.

        Number 0 begins the table anew. It has no texts.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / TABLE
        fresh = 0 in numbers or not path.is_file()
        with path.open("w" if fresh else "a", newline="", encoding="utf-8", errors="surrogateescape") as file:
            table = csv.writer(file)
            if fresh and samples:
                table.writerow(plain_cells(["name", "class", "probability", *samples[0].classes]))
            for number, sample in zip(numbers, samples, strict=True):
                name = str(number) if sample.name is None else sample.name
                table.writerow(plain_cells([name, *sample.best, *sample.probabilities.tolist()]))
        return [path]


def _named(classes: Sequence[str], label: int) -> str | None:
    """None for the label of no class."""
    return classes[label] if 0 <= label < len(classes) else None


class PooledHead(Head):
    """The mean of all real tokens, LayerNorm, and an MLP with one hidden layer (Lumina-Next, appendix D.1).

    Args:
        num_classes: K; None = as many as the data has.
        hidden: width of the hidden layer; None = half of the backbone's.

    Raises:
        ValueError: if there is no class.
    """

    class_rows: ClassVar[tuple[str, ...]] = ("mlp.2.weight", "mlp.2.bias")

    def __init__(self, num_classes: int | None = None, hidden: int | None = None) -> None:
        super().__init__()
        if num_classes is not None and num_classes < 1:
            raise ValueError(f"PooledHead: num_classes={num_classes} must be at least 1.")
        self.num_classes, self.hidden = num_classes, hidden

    def build(self, width: int) -> None:
        """The last layer from N(0, 0.02), so that training starts with all classes nearly alike."""
        hidden = self.hidden or width // 2
        last = nn.Linear(hidden, check_count(self.num_classes, "PooledHead"))
        nn.init.normal_(last.weight, std=0.02)
        nn.init.zeros_(last.bias)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), last)

    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """``features [B, L, D]``, their padding being zero, and ``mask [B, L]`` to logits ``[B, K]``."""
        total = features.float().sum(1)
        count = features.shape[1] if mask is None else mask.sum(1, keepdim=True)
        return self.mlp(self.norm((total / count).to(self.norm.weight.dtype)))


class DynamicPartition(Framing):
    """Resizes a picture to the grid of patches that distorts it least (Lumina-Next, appendix D.1).

    Args:
        patch_size: P, side of a patch in pixels.
        max_patches: N, the token budget of a picture.
        max_ratio: R_max, the longer side of the grid over the shorter.
        enlarge: whether a small picture is brought up to the budget; otherwise it keeps its resolution, or nearly.
        area: least and largest share of the picture's area in a random crop of its own shape (in training).

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        patch_size: int,
        max_patches: int,
        max_ratio: float = 4.0,
        enlarge: bool = False,
        area: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        self.patch_size, self.max_patches, self.max_ratio = patch_size, max_patches, max_ratio
        self.enlarge, self.area = enlarge, area
        if patch_size < 1 or max_patches < 1 or max_ratio < 1 or not 0 < area[0] <= area[1] <= 1:
            raise ValueError(
                f"DynamicPartition got patch_size {patch_size}, max_patches {max_patches}, max_ratio {max_ratio} and "
                f"area {area}: set the first three to 1 or more, and two shares in (0, 1], the smaller one first."
            )

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the best partition."""
        own = math.ceil(height / self.patch_size) * math.ceil(width / self.patch_size)
        budget = self.max_patches if self.enlarge else min(self.max_patches, own)
        rows, columns = best_partition(height, width, budget, self.max_ratio)
        return rows * self.patch_size, columns * self.patch_size

    def apply(self, image: Pillow.Image, generator: Generator | None = None) -> Pillow.Image:
        """The picture, or a random crop of its shape, resized bicubically and with antialiasing."""
        height, width = self.size(image.height, image.width)
        box = None if generator is None else self._box(image, generator)
        return image.resize((width, height), Pillow.Resampling.BICUBIC, box)

    def _box(self, image: Pillow.Image, generator: Generator) -> tuple[float, float, float, float]:
        share, across, down = torch.rand(3, generator=generator).tolist()
        side = math.sqrt(self.area[0] + (self.area[1] - self.area[0]) * share)
        left, top = across * (1 - side) * image.width, down * (1 - side) * image.height
        return left, top, left + side * image.width, top + side * image.height


def best_partition(height: int, width: int, max_patches: int, max_ratio: float) -> tuple[int, int]:
    """The grid of patches that distorts an image least (Lumina-Next, appendix D.1: dynamic partitioning).

    Of all grids with at most ``max_patches`` patches and sides within ``max_ratio`` of each other, the one that
    maximises ``min(rows / height, columns / width) / max(rows / height, columns / width)``. Among equals the one with
    most patches wins, then the one with most rows.

    Args:
        height: image height in pixels.
        width: image width in pixels.
        max_patches: N, the token budget.
        max_ratio: R_max, the longer side of the grid over the shorter, at least 1.

    Returns:
        ``(rows, columns)``; resize the image to these times the patch size.

    Raises:
        ValueError: a size is not positive, or ``max_ratio`` is below 1.
    """
    if min(height, width, max_patches, max_ratio) < 1:
        raise ValueError(
            f"best_partition got height {height}, width {width}, max_patches {max_patches}, max_ratio {max_ratio}; "
            "all must be at least 1."
        )
    rows, columns = _grids(_rounded(max_patches), max_ratio)
    rows, columns = (sides[rows * columns <= max_patches] for sides in (rows, columns))
    tall, wide = rows * width, columns * height
    score = np.minimum(tall, wide) / np.maximum(tall, wide)
    # A rounded quotient never ranks a worse grid first, but may level two: those few are compared exactly.
    best = np.flatnonzero(score == score.max())
    grids = [(int(rows[i]), int(columns[i])) for i in best]
    return max(grids, key=lambda grid: (_fit(grid, height, width), grid[0] * grid[1], grid[0]))


def _fit(grid: tuple[int, int], height: int, width: int) -> Fraction:
    tall, wide = grid[0] * width, grid[1] * height
    return Fraction(min(tall, wide), max(tall, wide))


def _rounded(max_patches: int) -> int:
    """The next power of two, so that small pictures with budgets of their own share a few tables."""
    return 1 << (max_patches - 1).bit_length()


@cache
def _grids(max_patches: int, max_ratio: float) -> tuple[Floats, Floats]:
    grids = [
        (rows, columns)
        for rows in range(1, max_patches + 1)
        for columns in range(1, max_patches // rows + 1)
        if max(rows, columns) / min(rows, columns) <= max_ratio
    ]
    rows, columns = np.array(grids, dtype=np.float64).T
    return rows, columns
