"""Any folder of meshes or point clouds."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lumina.clouds.files import SUFFIXES, Subsample, Up, files_of, read_points
from lumina.clouds.point_clouds import PointClouds, Shapes
from lumina.clouds.shape_table import ShapeTable
from lumina.config.locate import locate
from lumina.data.arrays import file_stamp
from lumina.data.census import Census
from lumina.data.classes import abbreviate, warn_of_one
from lumina.data.holdout import held_out_of_each, require_share
from lumina.data.shape_cache import ShapeCache
from lumina.data.sources.listing import files_below
from lumina.data.splits import UNSPLIT, find_level, served
from lumina.values import Split


class Meshes(PointClouds):
    """Shapes in files, in sub-folders too, of which some are held out.

    Files are .ply, .obj, .off, .stl, .glb, .gltf, .pcd, .npz or VRML 2 (.wrl); what begins with a dot is left alone.
    Points are drawn from a mesh once, evenly by area, and kept in the cache. The class of a shape is the first folder
    on the way to it, or what a table says. Folders may also be called by their splits, as ModelNet has them:
    ``CLASS/{train,test}`` or ``{train,test}/CLASS`` (`lumina.data.splits`). Where there are no shapes for validation, a
    share of each class is held out of those for training; where there are none for a test, those of validation are
    taken.

    Fields: those of `lumina.clouds.point_clouds.PointClouds`, and ``label``; with a table that has captions,
    ``caption`` too.

    Args:
        root: the folder.
        eval_root: folder of the shapes of the test; None = those in ``root``.
        classes: names of the classes to use, numbered in this order; None = all, sorted.
        table: a CSV file with the columns ``file`` (relative to ``root`` or ``eval_root``) and ``label`` or ``caption``
            or both; shapes that it lacks are left out. None = folders are classes.
        up: the files' upward axis.
        sampled: points kept of each shape; a cloud that has fewer keeps what it has.
        subsample: see `lumina.clouds.files.read_points`.
        holdout: share of each class held out, chosen by name, whatever the seed.
        cache: folder for the clouds; None = read the files each time.
        loading: of `lumina.clouds.point_clouds.PointClouds`.

    Raises:
        ValueError: fewer points are kept than are asked for, or the table cannot be read.
    """

    batch_keys: tuple[str, ...] = (*PointClouds.batch_keys, "label")

    def __init__(
        self,
        root: Path,
        eval_root: Path | None = None,
        classes: list[str] | None = None,
        table: Path | None = None,
        up: Up = "y",
        sampled: int = 8_192,
        subsample: Subsample = "random",
        holdout: float = 0.1,
        cache: Path | None = Path("~/.cache/lumina"),
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.root, self.classes = locate(root), classes
        self.table = None if table is None else ShapeTable(table)
        self.eval_root = None if eval_root is None else locate(eval_root)
        self.up, self.sampled, self.subsample = up, sampled, subsample
        self.holdout, self.cache = holdout, cache
        require_share(holdout)
        if sampled < max(self.points, self.eval_points):
            raise ValueError(
                f"Got sampled {sampled}, but {max(self.points, self.eval_points)} points of a shape are asked for: set "
                "data.sampled to at least data.points and data.eval_points."
            )
        if self.table is not None and self.table.has_captions:
            self.batch_keys = (*type(self).batch_keys, "caption")

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is an index into them."""
        names = sorted({file.label for file in self._files if file.split == "train"})
        if self.classes is None:
            warn_of_one(names, self.root)
        return tuple(self.classes or names)

    def shapes(self, split: Split) -> Shapes:
        """The shapes of a split.

        Raises:
            ValueError: there are no files, or none of a class that is asked for, or classes that are not trained on.
        """
        labels = np.array([self.label_names.index(file.label) for file in self._files])
        splits = np.array([file.split for file in self._files])
        out = np.zeros(len(labels), bool)
        if "validation" not in splits:
            (train,) = np.nonzero(splits == "train")
            out[train] = held_out_of_each([self._files[i].name for i in train], labels[train], self.holdout)
        own = "train" if split == "train" else served(split, set(splits.tolist()))
        chosen = np.flatnonzero(out if own is None else (splits == own) & ~out).tolist()
        cache = self._cache.select(chosen)
        table = self.table if self.table is not None and self.table.has_captions else None
        return Shapes(
            read=cache.read,
            names=cache.names,
            labels=labels[chosen].tolist(),
            captions=None if table is None else [table.caption(self._files[index].name) for index in chosen],
        )

    @cached_property
    def _files(self) -> list[ShapeFile]:
        found = self._below(self.root, None)
        if self.eval_root is not None:
            found = [file for file in found if file.split != "test"] + self._below(self.eval_root, "test")
        if self.table is not None:
            census = self.left_out["table"] = Census()
            gone = self.table.absent(file.name for file in found)
            census.leave_out(f"rows of {self.table.path} without their file", gone)
        missing = sorted(set(self.classes or ()) - {file.label for file in found if file.split == "train"})
        if missing or not any(file.split == "train" for file in found):
            of = f" of the class {' and '.join(missing)}" if missing else ""
            wanted = f"{self.table.path} has others" if self.table else "put them into a folder for each class there"
            raise ValueError(
                f"Found no shapes{of} to train on ({', '.join(SUFFIXES)}) in {self.root}: {wanted}, or change "
                f"data.root. Left out: {self.census()}."
            )
        if self.classes is not None:
            return [file for file in found if file.label in self.classes]
        foreign = sorted({file.label for file in found} - {file.label for file in found if file.split == "train"})
        if foreign:
            raise ValueError(
                f"there are shapes of {abbreviate(foreign)} to evaluate with, but none to train on: remove these "
                "classes, or name those to use in data.classes."
            )
        return found

    def _below(self, root: Path, split: Split | None) -> list[ShapeFile]:
        """The files that may be used, with the split that their folders say unless it is given."""
        census = self.left_out[str(root)] = Census()
        listed = files_below(root, census, SUFFIXES)
        files = [file for file in listed if file.lower().endswith(SUFFIXES)]
        census.leave_out_by_ending(file for file in listed if not file.lower().endswith(SUFFIXES))
        level = find_level(root, files)
        if level is not None and split is None:
            census.leave_out(UNSPLIT, [file for file in files if level.split(file) is None])
        if self.table is not None:
            unlabelled = [file for file in files if self.table.label(file) is None]
            census.leave_out(f"files without a label in {self.table.path}", unlabelled)
        found = []
        for file in files:
            own = split or ("train" if level is None else level.split(file))
            below = file if level is None else level.without(file)
            folder = below.partition(os.sep)[0] if os.sep in below else ""
            label = folder if self.table is None else self.table.label(file)
            if own is not None and label is not None:
                found.append(ShapeFile(root / file, file, label, own))
        return found

    @cached_property
    def _cache(self) -> ShapeCache:
        paths = [file.path for file in self._files]
        files = [file for path in paths for file in files_of(path)]
        source = f"{file_stamp(files)} {self.up} {self.subsample}"
        return ShapeCache([str(path) for path in paths], self.sampled, self._read, self.cache, source)

    def _read(self, index: int) -> npt.NDArray[np.float64]:
        return read_points(self._files[index].path, self.sampled, self.up, self.subsample)


class ShapeFile(NamedTuple):
    """One shape.

    Attributes:
        path: of its file.
        name: the way to it below its folder, by which it is held out.
        label: its class.
        split: which it is for.
    """

    path: Path
    name: str
    label: str
    split: Split
