"""Views of objects: pictures with cameras, in the layouts of nerfstudio, Zero123, G-Objaverse and others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Generator, Tensor
from torch.utils.data import Dataset

from lumina.config.locate import locate
from lumina.data.arrays import stamp
from lumina.data.batches import stacked
from lumina.data.datamodule import SplitDataModule
from lumina.data.holdout import held_out, require_share
from lumina.interfaces import Items
from lumina.pictures.background import composite, parse_colour, random_colour
from lumina.scenes.pixels import read_pixels
from lumina.scenes.sets import FolderSets, ViewSets
from lumina.scenes.subset import ReferenceKind
from lumina.values import Item, Split


class MultiViewFolder(SplitDataModule):
    """Views of objects, a folder for each object, in sub-folders too.

    The layout of each folder is found from what is there; see `lumina.scenes.layouts`. Azimuths are those of the
    cameras' matrices, whatever the files say beside them.

    A sample is an object. Training draws a group of views that share an elevation, some of its views in random order,
    and a reference; evaluation takes the first of each. An object is held out with all its views, by its name; folders
    of one name count as one object.

    Fields: ``views`` float32 in [-1, 1], ``[B, N, 3, H, W]``; ``azimuths`` ``[B, N]`` float32, degrees in [0, 360)
    relative to view 1, or to the reference where that has another azimuth; ``alpha`` ``[B, N, H, W]`` float32 in
    [0, 1], the silhouettes; ``camera_to_world`` ``[B, N, 4, 4]`` float32; ``field_of_view`` ``[B]`` float32, degrees;
    ``reference`` ``[B, 3, H, W]`` in [-1, 1]; ``caption`` and ``name``, lists of str. Where samples have different N,
    the fields with N are lists of tensors.

    Args:
        root: the folder.
        size: side of the square pictures in pixels; others are cropped in the middle and resized.
        views: number of views of a sample; or the least and the most, of which training draws a random number and
            evaluation takes the most.
        reference: ``"own"`` = the reference of the group, to which view 1 then belongs; a random other view where there
            is none. ``"random"`` = always any other view. ``"none"`` = batches have no reference.
        background: what transparent pictures are put on: a name such as white or grey, or ``#rrggbb``.
        reference_background: the same of the reference; ``"random"`` = another colour each time in training. None =
            that of the views.
        holdout: share of the objects held out, chosen by name, whatever the seed.
        loading: of `lumina.data.datamodule.SplitDataModule`.

    Raises:
        ValueError: an argument is out of its range.
    """

    batch_keys: tuple[str, ...] = (
        *("views", "azimuths", "alpha", "camera_to_world", "field_of_view", "caption", "name"),
    )

    def __init__(
        self,
        root: Path,
        size: int,
        views: int | tuple[int, int] = 4,
        reference: ReferenceKind = "own",
        background: str = "white",
        reference_background: str | None = None,
        holdout: float = 0.05,
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.root, self.size, self.reference, self.holdout = locate(root), size, reference, holdout
        self.count = (views, views) if isinstance(views, int) else (views[0], views[1])
        self.background = parse_colour(background)
        random = reference_background == "random"
        self.reference_background = None if random else parse_colour(reference_background or background)
        self.batch_keys = (*type(self).batch_keys, *(() if reference == "none" else ("reference",)))
        require_share(holdout)
        if size < 1:
            raise ValueError(f"Got size {size}: set the side of the pictures to 1 pixel or more.")
        if not 1 <= self.count[0] <= self.count[1]:
            raise ValueError(f"Got views {views}: set a number from 1, or the least and the most, as [4, 8].")

    @cached_property
    def sets(self) -> ViewSets:
        """All view sets.

        Raises:
            ValueError: there are none.
        """
        sets = FolderSets(self.root)
        if not sets.names:
            raise ValueError(
                f"Found no views of objects in {self.root}: expected folders with transforms.json and pictures, as "
                "`lumina render` writes them, or another known layout; change data.root."
            )
        return sets

    def dataset(self, split: Split) -> Items:
        """The objects of a split; validation and test are the same."""
        objects = sorted({_object(name) for name in self.sets.names})
        out = dict(zip(objects, held_out(objects, self.holdout), strict=True))
        chosen = [i for i, name in enumerate(self.sets.names) if out[_object(name)] == (split != "train")]
        return Objects(self.sets, chosen)

    def stamp(self, dataset: Items) -> str | None:
        """Of the files, and of which of the objects it is."""
        return stamp(self.sets.stamp, dataset.indices) if isinstance(dataset, Objects) else None

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """Reads some of the views, and puts them on their background."""
        pixels = read_pixels(item["views"], self.size, self.count, self.reference, generator)
        shown: Item = {
            **item,
            "views": composite(pixels.views, self.background),
            "azimuths": pixels.azimuths,
            "alpha": pixels.views[:, 3],
            "camera_to_world": pixels.camera_to_world,
            "field_of_view": pixels.field_of_view,
        }
        if pixels.reference is not None:
            shown["reference"] = composite(pixels.reference, self._behind(generator))
        return shown

    def _behind(self, generator: Generator | None) -> tuple[float, float, float]:
        """The background of the reference."""
        if self.reference_background is not None:
            return self.reference_background
        return self.background if generator is None else random_colour(generator)

    def collate(self, items: list[Item]) -> Item:
        """Stacks what has one shape, lists others."""
        batch: Item = {name: [item[name] for item in items] for name in self.batch_keys}
        return {name: stacked(values) if isinstance(values[0], Tensor) else values for name, values in batch.items()}


class Objects(Dataset[Item]):
    """Objects of a data set; ``views`` of an item is an `lumina.scenes.sets.Opened` view set, yet to be read.

    Args:
        sets: all view sets.
        indices: those that belong to the split.
    """

    def __init__(self, sets: ViewSets, indices: Sequence[int]) -> None:
        self.sets, self.indices = sets, list(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Item:
        opened = self.sets.open(self.indices[index])
        return {"views": opened, "caption": opened.views.caption, "name": self.sets.names[self.indices[index]]}


def _object(name: str) -> str:
    """The name of an object: of the last folder of a path."""
    return Path(name).name
