"""Pictures sorted into one folder for each class, as ImageNet comes."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Generator
from torch.utils.data import Dataset

from lumina.config.locate import locate
from lumina.data.arrays import file_stamp
from lumina.data.census import Census
from lumina.data.classes import abbreviate, warn_of_one
from lumina.data.datamodule import SplitDataModule
from lumina.data.holdout import held_out, require_share
from lumina.data.sources.folder import OUTSIDE, class_names
from lumina.data.sources.listing import files_below
from lumina.data.splits import UNSPLIT, Level, by_split, find_level, served
from lumina.interfaces import Items
from lumina.pictures.reading import SUFFIXES, centre_crop, load_image, random_flip, to_tensor
from lumina.values import Item, Split


class ImageFolder(SplitDataModule):
    """``root/train/CLASS/**`` and ``root/val/CLASS/**``; or ``root/CLASS/**``, of which some are held out.

    The splits may have other names, and may lie in the folders of the classes (`lumina.data.splits`). Where there are
    no pictures for validation, a part of those for training is held out; where there are none for a test, those of
    validation are taken. Classes are numbered in the order of their sorted names. Pictures are jpg, jpeg, jfif, png,
    webp, gif, tif, tiff, avif or bmp files of any mode; what begins with a dot is left alone.

    Fields: ``image`` ``[B, 3, size, size]`` float32 in [-1, 1]; ``label`` ``[B]`` int64.

    Args:
        root: the folder.
        size: side of the pictures after ADM's centre crop, in pixels.
        holdout: share of each class held out where there are no pictures for validation; chosen by name, whatever the
            seed.
        flip: mirror half of the training pictures.
        loading: of `lumina.data.datamodule.SplitDataModule`.

    Raises:
        ValueError: ``size`` is less than 1, or ``holdout`` is not between 0 and 1.
    """

    batch_keys: tuple[str, ...] = ("image", "label")

    def __init__(
        self,
        root: Path,
        size: int,
        holdout: float = 0.05,
        flip: bool = True,
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.root = locate(root)
        self.size = size
        self.holdout = holdout
        self.flip = flip
        if size < 1:
            raise ValueError(f"Got size {size}: set the side of the pictures to 1 pixel or more.")
        require_share(holdout)

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is an index into them.

        Raises:
            ValueError: there are none.
        """
        names = class_names(self._train_folder)
        if not names:
            raise ValueError(
                f"There are no class folders in {self._train_folder}: put pictures into {self.root}/train/CLASS/ and "
                f"{self.root}/val/CLASS/, or into {self.root}/CLASS/, or change data.root."
            )
        warn_of_one(names, self._train_folder)
        return names

    def dataset(self, split: Split) -> Items:
        """The pictures of a split.

        Raises:
            ValueError: a class has no training picture, no picture is left for evaluation, or a class is not among
                those for training.
        """
        train = split == "train"
        files = {name: self._files(name, split) for name in self.label_names}
        empty = [name for name in files if not files[name]]
        if empty if train else len(empty) == len(files):
            raise ValueError(
                f"Found no picture ({', '.join(SUFFIXES)}) to {'train on' if train else 'evaluate with'} in "
                f"{self._train_folder if train else self.root} for {len(empty)} of {len(files)} classes "
                f"({', '.join(empty[:5])} ...): add some, or remove these classes."
            )
        return Pictures([(path, label) for label, name in enumerate(files) for path in files[name]], self.size)

    def stamp(self, dataset: Items) -> str | None:
        """A hash of the names, sizes and dates of the files."""
        return file_stamp(path for path, _ in dataset.files) if isinstance(dataset, Pictures) else None

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """Half of the training pictures mirrored."""
        if generator is None or not self.flip:
            return item
        return {**item, "image": random_flip(item["image"], generator)}

    @cached_property
    def _level(self) -> Level | None:
        return find_level(self.root, self._listed)

    @cached_property
    def _listed(self) -> list[str]:
        census = self.left_out[str(self.root)] = Census()
        files = files_below(self.root, census, SUFFIXES)
        census.leave_out_by_ending(file for file in files if not file.lower().endswith(SUFFIXES))
        return [file for file in files if file.lower().endswith(SUFFIXES)]

    @cached_property
    def _train_folder(self) -> Path:
        """Where the class folders of the training pictures are."""
        if self._level is None or self._level.folder != 0:
            return self.root
        train = by_split(self._listed, self._level).get("train")
        if train is None:
            raise ValueError(f"{self.root} has no pictures to train on, only to evaluate with: add {self.root}/train.")
        return self.root / self._level.name(train[0])

    @cached_property
    def _found(self) -> dict[Split, dict[str, list[str]]]:
        """Of each split that there is, the pictures of each class."""
        found: dict[Split, dict[str, list[str]]] = {}
        unsplit = [] if self._level is None else [file for file in self._listed if self._level.split(file) is None]
        outside: list[str] = []
        for split, files in by_split(self._listed, self._level).items():
            found[split] = {}
            for file in files:
                below = file if self._level is None else self._level.without(file)
                if os.sep in below:
                    found[split].setdefault(below.partition(os.sep)[0], []).append(str(self.root / file))
                else:
                    outside.append(file)
            foreign = sorted(found[split].keys() - set(self.label_names))
            if foreign:
                raise ValueError(
                    f"{self.root} has classes for {split} that the training pictures have not: {abbreviate(foreign)}; "
                    "remove them, or add them to the training pictures."
                )
        self.left_out["splits"] = census = Census()
        census.leave_out(UNSPLIT, unsplit)
        census.leave_out(OUTSIDE, outside)
        return found

    def _files(self, name: str, split: Split) -> list[str]:
        own = served(split, self._found)
        if own is not None and (own != "train" or "validation" in self._found):
            return self._found[own].get(name, [])
        return _divide(self._found.get("train", {}).get(name, []), self.holdout)[0 if split == "train" else 1]


class Pictures(Dataset[Item]):
    """Labelled picture files.

    Args:
        files: path and label of each.
        size: side in pixels after the centre crop.
    """

    def __init__(self, files: list[tuple[str, int]], size: int) -> None:
        self.files = files
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Item:
        path, label = self.files[index]
        return {"image": to_tensor(centre_crop(load_image(path), self.size)), "label": label}


def _divide(paths: list[str], share: float) -> tuple[list[str], list[str]]:
    """Kept and held-out paths; adding files moves few of the others, and a single file is kept."""
    out = held_out([os.path.basename(path) for path in paths], share)
    divided = [[path for path, held in zip(paths, out, strict=True) if held == part] for part in (False, True)]
    return divided[0], divided[1]
