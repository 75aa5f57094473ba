"""Views of objects: pictures with cameras, in the layouts of nerfstudio, Zero123, G-Objaverse and others."""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Generator, Tensor
from torch.utils.data import Dataset

from lumina.config.locate import locate
from lumina.data.arrays import stamp
from lumina.data.batches import pick, stacked
from lumina.data.captions import composed, read_captions
from lumina.data.census import Census, printable
from lumina.data.datamodule import SplitDataModule
from lumina.data.holdout import held_out, require_share
from lumina.data.own_names import doubtful, own_names
from lumina.data.splits import UNSPLIT
from lumina.data.uids import known, listed, uids_of
from lumina.errors import CorruptSample
from lumina.interfaces import Items
from lumina.metrics.views.brightness import unequal_light
from lumina.pictures.background import composite, parse_colour, random_colour
from lumina.randomness import Purpose, keyed_generator
from lumina.scenes.packed import open_sets
from lumina.scenes.pixels import PixelReader, read_pixels
from lumina.scenes.sets import ViewSets
from lumina.scenes.subset import ReferenceKind
from lumina.scenes.survey import lines
from lumina.values import Item, Split

GAMMA = 2.5  # the greatest power that a channel is raised to
NAMED = 3  # unreadable objects that a warning names
LIT = 16  # objects, of which the brightness of the views is compared
HELD = 512 * 2**20
"""Bytes of pictures that all processes of a loader keep in memory together."""


class MultiViewFolder(SplitDataModule):
    """Views of objects, a folder for each object, in sub-folders too.

    The layout of each folder is found from what is there; see `lumina.scenes.layouts`. Azimuths are those of the
    cameras' matrices, whatever the files say beside them.

    A sample is an object. Training draws a group of views that share an elevation, some of its views in random order,
    and a reference; evaluation takes the first of each. An object is held out with all its views, by its name; folders
    of one name count as one object (`lumina.data.own_names.own_names`).

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
        mirror: show every second training sample mirrored, with azimuths that run the other way around: twice as many
            objects. Captions that name a left or a right side are then wrong.
        recolour: show every second training sample in other colours: its channels change places, and each is raised to
            a random power from 0.4 to 2.5. A model that has seen few objects then copies colours from the reference
            instead of remembering them. Such a sample has no caption, so that captions keep their own colours. Of
            pictures without alpha the background changes too, unless it is white or black.
        captions: a list of captions by UID, such as Cap3D's, which go before those of the files; see
            `lumina.data.captions`. An object's UID is the name of its folder, or a part of its path.
        only: a list of UIDs of the objects to take; see `lumina.data.uids.listed`. None = all.
        labels: ``"folders"`` = the first folder of an object's path is its class, below folders around all objects;
            ``"category"`` = what the files say, as `lumina render` notes of catalogues, and all of them are read for
            it; or a list of classes by UID, as of captions, and objects that it lacks are left out. None = there are no
            classes.
        draws: how often a test serves each object, each time with other noise, to judge the best of several samples.
        holdout: share of the objects held out where there is no validation data; chosen by name, whatever the seed.
        cache: folder for the index of archives, which takes long; None = gather it each time.
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
        mirror: bool = False,
        recolour: bool = False,
        captions: Path | None = None,
        only: Path | None = None,
        labels: Literal["folders", "category"] | Path | None = None,
        draws: int = 1,
        holdout: float = 0.05,
        cache: Path | None = Path("~/.cache/lumina"),
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.root, self.size, self.reference, self.holdout = locate(root), size, reference, holdout
        self.captions, self.only, self.labels = captions and locate(captions), only and locate(only), labels
        self.cache = cache and locate(cache)
        self.mirror, self.recolour, self.draws = mirror, recolour, draws
        self.count = (views, views) if isinstance(views, int) else (views[0], views[1])
        self.reader = PixelReader(size, HELD // max(1, self.num_workers))
        self.background = parse_colour(background)
        self.random_behind = reference_background == "random"
        self.reference_background = parse_colour(
            background if reference_background is None or self.random_behind else reference_background
        )
        optional = {"reference": reference != "none", "label": labels is not None}
        self.batch_keys = (*type(self).batch_keys, *(name for name, there in optional.items() if there))
        require_share(holdout)
        if draws < 1:
            raise ValueError(f"Got draws {draws}: set 1 to test each object once, or more.")
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
        self.left_out[str(self.root)] = census = Census()
        return open_sets(self.root, self.cache, census)

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes, sorted; a label is an index into them."""
        return tuple(sorted(set(self._classes.values())))

    def dataset(self, split: Split) -> Items:
        """The objects of a split.

        Raises:
            ValueError: there are none, or a list cannot be read.
        """
        numbers = {name: number for number, name in enumerate(self.label_names)}
        labels = None if self.labels is None else {index: numbers[name] for index, name in self._classes.items()}
        chosen = self._splits.get(split, []) * (self.draws if split == "test" else 1)
        return Objects(self.sets, chosen, self._captions, labels)

    @cached_property
    def _splits(self) -> dict[Split, list[int]]:
        """The objects of each split."""
        sets, parts = self.sets, dict[Split, list[int]]()
        for index in self._taken:
            if (split := sets.splits[index]) is not None:
                parts.setdefault(split, []).append(index)
        self.left_out["splits"] = census = Census()
        census.leave_out(UNSPLIT, [sets.names[index] for index in self._taken if sets.splits[index] is None])
        if "validation" not in parts:
            whole = parts.get("train", [])
            names = self._own_names
            objects = sorted({*names.values()})
            out = dict(zip(objects, held_out(objects, self.holdout).tolist(), strict=True))
            parts["train"] = [index for index in whole if not out[names[sets.objects[index]]]]
            parts["validation"] = [index for index in whole if out[names[sets.objects[index]]]]
        return {"test": parts["validation"], **parts}

    @cached_property
    def _own_names(self) -> dict[str, str]:
        """The names by which objects for training are held out, by their paths."""
        return own_names([self.sets.objects[index] for index in self._taken if self.sets.splits[index] == "train"])

    @cached_property
    def _taken(self) -> list[int]:
        """What is listed and has a class."""
        census = self.left_out["lists"] = Census()
        taken = range(len(self.sets.names)) if self.only is None else listed(self.only, self.sets.objects, census)
        without = [] if self.labels is None else [index for index in taken if index not in self._classes]
        if taken and len(without) == len(taken):
            raise ValueError(
                f"None of the {len(taken):,} objects of {self.root} has a class by labels {str(self.labels)!r}: set "
                "labels to folders, to category for renders of Sweet Home 3D's catalogues, or to a list by UID."
            )
        census.leave_out("objects without a class", [self.sets.names[index] for index in without])
        return sorted({*taken} - {*without})

    @cached_property
    def _classes(self) -> dict[int, str]:
        """The class of each object that has one."""
        if self.labels is None:
            return {}
        if self.labels == "folders":
            return _first_folders(self.sets.objects)
        if self.labels == "category":
            return self._categories()
        texts = self._read("classes", Path(self.labels))
        found = {index: known(texts, name) for index, name in enumerate(self.sets.objects)}
        return {index: name for index, name in found.items() if name}

    def _categories(self) -> dict[int, str]:
        """What the files say."""
        found, corrupt = dict[int, str](), list[CorruptSample]()
        for index in range(len(self.sets.names)):
            try:
                category = self.sets.open(index).views.about.get("category")
            except CorruptSample as error:
                corrupt.append(error)
                continue
            if category:
                found[index] = str(category)
        if corrupt:
            named = "; ".join(map(str, corrupt[:NAMED]))
            warnings.warn(f"no category can be read of {len(corrupt):,} of the objects: {named}", stacklevel=2)
        return found

    @cached_property
    def _captions(self) -> dict[str, str]:
        return {} if self.captions is None else self._read("captions", self.captions)

    def _read(self, kind: str, file: Path) -> dict[str, str]:
        """The texts of a list by UID.

        Raises:
            ValueError: it cannot be read, or names none of the objects.
        """
        self.left_out[kind] = census = Census()
        texts = read_captions(file, {uid for name in self.sets.objects for uid in uids_of(name)}, census)
        if not texts:
            raise ValueError(
                f"No line of {file} names an object of {self.root}, {self.sets.objects[0]!r} say. Left out: {census}."
            )
        return texts

    def about(self, dataset: Items) -> Iterable[str]:
        """Views of an object, and the shares with a caption and a reference, of a random part; what is odd of all."""
        if isinstance(dataset, Objects):
            yield from lines(dataset.sets, dataset.indices, self._captions)
            yield from self._oddities(dataset.indices)
            yield from unequal_light(self._some(dataset))

    def _oddities(self, trained: Sequence[int]) -> Iterator[str]:
        """What is odd of the splits and of the classes."""
        paths, splits = self.sets.objects, self.sets.splits
        tested = {composed(paths[index]) for index in self._taken if splits[index] not in ("train", None)}
        learnt = {composed(paths[index]) for index in trained}
        if both := (tested & learnt) - {""}:
            yield (
                f"{len(both):,} of {len(tested):,} names in the folders of validation and test are those of objects "
                f"that are trained on, for example {printable(min(both))}"
            )
        if "" in tested & learnt:
            yield (
                "the folders of the splits are objects without a name, perhaps one and the same: put each into a "
                "folder of its name, as train/chair"
            )
        by_name = self.holdout and "validation" not in {splits[index] for index in self._taken}
        if by_name and (told := doubtful(self._own_names)):
            yield told
        said = self._classes
        classes, shown = ({said[index] for index in some if index in said} for some in (self._taken, trained))
        if left := sorted(map(printable, classes - shown)):
            yield f"{len(left)} of {len(classes)} classes have no object to train on, for example {left[0]}"
        if len(classes) == 1:
            yield f"all objects are of one class, {printable(*classes)}"

    def _some(self, dataset: Objects) -> Iterator[Item]:
        """A random part of the objects, as evaluation takes them."""
        order = torch.randperm(len(dataset), generator=keyed_generator(Purpose.CHOICE))[:LIT].tolist()
        for index in order:
            with contextlib.suppress(CorruptSample):  # named and counted when it is served
                yield MultiViewFolder.transform(self, dataset[index])  # a subclass may show fewer fields

    def stamp(self, dataset: Items) -> str | None:
        """Of the files, and of which of the objects it is."""
        return stamp(self.sets.stamp, dataset.indices) if isinstance(dataset, Objects) else None

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """Reads some of the views, and puts them on their background."""
        pixels = read_pixels(item["views"], self.reader, self.count, self.reference, generator)
        if self.mirror and pick((False, True), generator):
            pixels = pixels.mirrored()
        caption = item["caption"]
        if self.recolour and generator is not None and pick((False, True), generator):
            powers = math.log(GAMMA) * (2 * torch.rand(3, generator=generator) - 1)
            pixels = pixels.recoloured(torch.randperm(3, generator=generator).tolist(), powers.exp())
            caption = ""
        shown: Item = {
            **item,
            "caption": caption,
            "views": composite(pixels.views, self.background),
            "azimuths": pixels.azimuths,
            "alpha": pixels.views[:, 3],
            "camera_to_world": pixels.camera_to_world,
            "field_of_view": pixels.field_of_view,
        }
        if pixels.reference is not None:
            behind = self.reference_background
            if self.random_behind and generator is not None:
                behind = random_colour(generator)
            shown["reference"] = composite(pixels.reference, behind)
        return shown

    def collate(self, items: list[Item]) -> Item:
        """Stacks what has one shape, lists others."""
        batch: Item = {name: [item[name] for item in items] for name in self.batch_keys}
        return {name: stacked(values) if isinstance(values[0], Tensor) else values for name, values in batch.items()}


def _first_folders(names: Sequence[str]) -> dict[int, str]:
    """The first folder of each path that has one, below folders around all paths.

    Where that gives each object a folder of its own, or none, all are of the innermost folder around them.
    """
    around = os.path.commonpath([os.path.dirname(name) for name in names])
    start = len(around) + 1 if around else 0
    found = {index: name[start:].partition("/")[0] for index, name in enumerate(names) if "/" in name[start:]}
    if around and len({*found.values()}) == len(found):
        return dict.fromkeys(range(len(names)), os.path.basename(around))
    return found


class Objects(Dataset[Item]):
    """Objects of a data set; ``views`` of an item is an `lumina.scenes.sets.Opened` view set, yet to be read.

    Args:
        sets: all view sets.
        indices: those that belong to the split.
        captions: by UID, that go before those of the files.
        labels: by the index of a view set; None = there are no classes.
    """

    def __init__(
        self, sets: ViewSets, indices: Sequence[int], captions: Mapping[str, str], labels: Mapping[int, int] | None
    ) -> None:
        self.sets, self.indices, self.captions, self.labels = sets, list(indices), captions, labels

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Item:
        number = self.indices[index]
        opened = self.sets.open(number)
        caption = known(self.captions, self.sets.objects[number])
        item = {"views": opened, "caption": caption or opened.views.caption, "name": self.sets.names[number]}
        return item if self.labels is None else {**item, "label": torch.tensor(self.labels[number])}
