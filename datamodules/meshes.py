"""Any folder of meshes or point clouds."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lumina.clouds.files import SUFFIXES, Subsample, Up, files_of, read_points
from lumina.clouds.normalise import Normalisation
from lumina.config.locate import locate
from lumina.data import Split
from lumina.data.arrays import file_stamp
from lumina.data.clouds import PointClouds, Shapes, Variation
from lumina.data.csv_file import read_csv
from lumina.data.holdout import held_out_of_each
from lumina.data.shape_cache import ShapeCache
from lumina.data.sources.listing import files_below


class Meshes(PointClouds):
    """Shapes in files, in sub-folders too, of which some are held out.

    Files are .ply, .obj, .off, .stl, .glb, .gltf, .pcd, .npz or VRML 2 (.wrl); what begins with a dot is left alone.
    Points are drawn from a mesh once, evenly by area, and kept in the cache. The class of a shape is the first folder
    on the way to it, or what a table says. ``"validation"`` and ``"test"`` are the same shapes, a share of each class.

    Fields: those of `lumina.data.clouds.PointClouds`, and ``label``; with a table that has captions, ``caption`` too.

    Args:
        batch_size: clouds in a training batch, on each process.
        root: the folder.
        classes: names of the classes to use, numbered in this order; None = all, sorted.
        table: a CSV file with the columns ``file`` (relative to ``root``) and ``label`` or ``caption`` or both; shapes
            that it lacks are left out. None = folders are classes.
        up: the files' upward axis.
        sampled: points kept of each shape; a cloud that has fewer keeps what it has.
        subsample: see `lumina.clouds.files.read_points`.
        holdout: share of each class held out, chosen by name, whatever the seed.
        cache: folder for the clouds; None = read the files each time.
        points: of a training cloud.
        eval_points: of a cloud in validation, test and prediction; None = ``points``.
        normalisation: see `lumina.clouds.normalise.Normalisation`; it is taken of all points of a shape.
        variation: random variations of training clouds; None = none.
        eval_batch_size: samples in a batch of validation, test and prediction, on each process; None = batch_size.
        num_workers: loader processes for each training process; 0 loads in the training process.
        seed: of order, subsets and variations.
        max_corrupt: share of shapes that may be unreadable; they are skipped and named. More end the run.

    Raises:
        ValueError: fewer points are kept than are asked for, or the table cannot be read.
    """

    batch_keys: ClassVar[tuple[str, ...]] = (*PointClouds.batch_keys, "label")

    def __init__(
        self,
        batch_size: int,
        root: Path,
        classes: list[str] | None = None,
        table: Path | None = None,
        up: Up = "y",
        sampled: int = 8_192,
        subsample: Subsample = "random",
        holdout: float = 0.1,
        cache: Path | None = Path("~/.cache/lumina"),
        points: int = 256,
        eval_points: int | None = None,
        normalisation: Normalisation = "shape_unit",
        variation: Variation | None = None,
        eval_batch_size: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
        max_corrupt: float = 0.01,
    ) -> None:
        super().__init__(
            batch_size, points, eval_points, normalisation, variation, eval_batch_size, num_workers, seed, max_corrupt
        )
        self.root, self.classes, self.table = locate(root), classes, table
        self.up, self.sampled, self.subsample = up, sampled, subsample
        self.holdout, self.cache = holdout, cache
        if sampled < max(self.points, self.eval_points):
            raise ValueError(
                f"Got sampled {sampled}, but {max(self.points, self.eval_points)} points of a shape are asked for: set "
                "data.sampled to at least data.points and data.eval_points."
            )
        if table is not None and "caption" in self._rows[0]:
            self.batch_keys = (*type(self).batch_keys, "caption")  # type: ignore[misc]  # more than the class has

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is the place of its name."""
        return tuple(self.classes or sorted({self._classes[file] for file in self._files}))

    def shapes(self, split: Split) -> Shapes:
        """The shapes of a split.

        Raises:
            ValueError: there are no files, or none of a class that is asked for.
        """
        labels = np.array([self.label_names.index(self._classes[file]) for file in self._files])
        out = held_out_of_each(self._files, labels, self.holdout)
        chosen = np.flatnonzero(out == (split != "train")).tolist()
        cache = self._cache.select(chosen)
        captions = {os.path.normpath(row["file"]): row["caption"] for row in self._rows if "caption" in row}
        return Shapes(
            read=cache.read,
            names=cache.names,
            labels=labels[chosen].tolist(),
            captions=[captions[self._files[index]] for index in chosen] if captions else None,
        )

    @cached_property
    def _rows(self) -> list[dict[str, str]]:
        """Of the table; none without one."""
        if self.table is None:
            return []
        head, *rows = read_csv(self.table) or [[]]
        if not rows or "file" not in head or not {"label", "caption"} & set(head):
            raise ValueError(
                f"{self.table} has the columns {', '.join(head) or '(none)'}: it needs file, and label or caption, and "
                "a row for each shape."
            )
        wrong = next((number for number, row in enumerate(rows, 2) if len(row) != len(head)), None)
        if wrong is not None:
            raise ValueError(
                f"Row {wrong} of {self.table} has {len(rows[wrong - 2])} fields, but {len(head)} columns are named: "
                "mend that row, or quote a text with commas in it."
            )
        return [dict(zip(head, row, strict=True)) for row in rows]

    @cached_property
    def _classes(self) -> dict[str, str]:
        """The class of each file that may be used."""
        if self.table is not None:
            return {os.path.normpath(row["file"]): row.get("label", "") for row in self._rows}
        return {file: file.partition(os.sep)[0] if os.sep in file else "" for file in files_below(self.root)}

    @cached_property
    def _files(self) -> list[str]:
        below = [file for file in files_below(self.root) if file.lower().endswith(SUFFIXES) and file in self._classes]
        found = [file for file in below if (self.root / file).is_file()]  # not a link to what is gone
        missing = sorted(set(self.classes or ()) - {self._classes[file] for file in found})
        if missing or not found:
            of = f" of the class {' and '.join(missing)}" if missing else ""
            raise ValueError(
                f"Found no shapes{of} ({', '.join(SUFFIXES)}) in {self.root}: put them into a folder for each class "
                "there, or change data.root."
            )
        return [file for file in found if self.classes is None or self._classes[file] in self.classes]

    @cached_property
    def _cache(self) -> ShapeCache:
        paths = [self.root / file for file in self._files]
        source = f"{file_stamp(file for path in paths for file in files_of(path))} {self.up} {self.subsample}"
        return ShapeCache([str(path) for path in paths], self.sampled, self._read, self.cache, source)

    def _read(self, index: int) -> npt.NDArray[np.float64]:
        return read_points(self.root / self._files[index], self.sampled, self.up, self.subsample)
