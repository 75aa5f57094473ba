"""The base class of point-cloud data: subsets of points, normalisation, random variations."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor
from torch.utils.data import Dataset

from lumina.clouds.normalise import CentreScale, Normalisation, ShapeNormalisation, frame_of
from lumina.clouds.subset import random_subset
from lumina.data.datamodule import SplitDataModule
from lumina.errors import CorruptSample, require_numbers
from lumina.interfaces import Items
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Item, Split

LEAST_SIZE = 0.01  # of a cloud, in units of what it is divided by
LOOKED_AT = 5000  # clouds of which the mean and the deviation of "global_unit" are taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """Random variations of a training cloud.

    Attributes:
        turn: rotate about the vertical axis (y) by up to so many degrees to either side; 180 = any direction.
        mirror: mirror half of the clouds left to right (x).
        stretch: multiply each axis by a factor of up to ``exp(stretch)`` or its inverse.
        jitter: standard deviation of the noise on each point, in normalised units.
    """

    turn: float = 0.0
    mirror: bool = False
    stretch: float = 0.0
    jitter: float = 0.0

    def apply(self, points: Tensor, generator: Generator) -> Tensor:
        """A variation of ``points [P, 3]``."""
        flip, turn, *stretch = torch.rand(5, generator=generator).tolist()
        factors = torch.tensor([math.exp(self.stretch * (2 * draw - 1)) for draw in stretch])
        factors[0] *= -1 if self.mirror and flip < 0.5 else 1
        angle = math.radians(self.turn) * (2 * turn - 1)
        sin, cos = math.sin(angle), math.cos(angle)
        about_y = torch.tensor([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
        noise = torch.randn(points.shape, generator=generator)
        return points * factors @ about_y + self.jitter * noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """The clouds of a split.

    Attributes:
        read: gives the points ``[P, 3]`` of a cloud by its number; raises `CorruptSample`.
        names: of the clouds, by which errors call them.
        labels: class of each; None where there are no classes.
        captions: a text on each; None where there are none.
    """

    read: Callable[[int], npt.NDArray[np.floating]]
    names: Sequence[str]
    labels: Sequence[int] | None = None
    captions: Sequence[str] | None = None


class PointClouds(SplitDataModule):
    """Feeds a run with point clouds; a subclass says where they are.

    A training cloud is another random subset of its shape's points each epoch, an evaluation cloud always the same one.
    Coordinates are right-handed with y upwards.

    Coordinates are float64 until they are normalised. Fields: ``points`` ``[B, P, 3]`` float32, normalised; ``centre``
    ``[B, 3]`` and ``scale`` ``[B]``, float64 on the CPU, by which ``points * scale + centre`` are the original
    coordinates; ``name``, a list of str; ``label`` ``[B]`` int64 and
    ``caption``, a list of str, where the data have them.

    Args:
        points: of a training cloud.
        eval_points: of a cloud in validation, test and prediction; None = ``points``.
        normalisation: see `lumina.clouds.normalise.Normalisation`; it is taken of all points of a shape.
        variation: random variations of training clouds; None = none.
        loading: of `lumina.data.datamodule.SplitDataModule`.

    Raises:
        ValueError: fewer points than 1 are asked for.
    """

    batch_keys: tuple[str, ...] = ("points", "centre", "scale", "name")

    def __init__(
        self,
        points: int = 256,
        eval_points: int | None = None,
        normalisation: Normalisation = "shape_unit",
        variation: Variation | None = None,
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.points, self.eval_points = points, points if eval_points is None else eval_points
        self.normalisation, self.variation = normalisation, variation or Variation()
        self._global: CentreScale | None = None
        if min(self.points, self.eval_points) < 1:
            raise ValueError(f"Got points {points} and eval_points {eval_points}: set both to 1 or more.")

    @abstractmethod
    def shapes(self, split: Split) -> Shapes:
        """The clouds of a split."""

    def dataset(self, split: Split) -> Items:
        """The clouds of a split: of training with all their points, of which `transform` draws some."""
        least = self.points if split == "train" else self.eval_points
        if self.normalisation == "global_unit":
            return CloudItems(self.shapes(split), least, split != "train", self._frame())
        return CloudItems(self.shapes(split), least, split != "train", self.normalisation)

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """In training a random subset of the points, varied."""
        if generator is None:
            return item
        points = random_subset(item["points"], self.points, generator)
        return {**item, "points": self.variation.apply(points, generator)}

    def _frame(self) -> CentreScale:
        """The mean and the deviation of the training set.

        Raises:
            ValueError: none of its clouds can be read.
        """
        if self._global is None:
            found = list(_moments(self.shapes("train")))
            if not found:
                raise ValueError(
                    "No training cloud can be read to take the mean and the deviation of global_unit from: check "
                    "data.root, or set data.normalisation to shape_unit to have the clouds named."
                )
            means, variances = torch.stack(found, 1)
            within = (variances + (means - means.mean(0)).square()).mean().sqrt()
            scale = (variances + (means - means.mean()).square()).mean().sqrt()
            if within < LEAST_SIZE * scale:
                raise ValueError(
                    f"The training clouds lie {scale / within:.0f} times farther from the origin than they are large, "
                    "so global_unit makes them vanish: set data.normalisation to shape_std, or centre the files."
                )
            self._global = CentreScale(means.mean(0), scale)
        return self._global

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """All but the frames: some devices have no float64."""
        frames = {name: value for name, value in batch.items() if name in ("centre", "scale")}
        others = {name: value for name, value in batch.items() if name not in frames}
        return {**super().transfer_batch_to_device(others, device, dataloader_idx), **frames}


class CloudItems(Dataset[Item]):
    """Clouds, checked and normalised.

    Args:
        shapes: what there is.
        count: points that are needed of each.
        only: serve just so many points, always the same.
        normalisation: of each cloud, or the frame of all.
    """

    def __init__(self, shapes: Shapes, count: int, only: bool, normalisation: ShapeNormalisation | CentreScale) -> None:
        self.shapes, self.count, self.only, self.normalisation = shapes, count, only, normalisation

    def __len__(self) -> int:
        return len(self.shapes.names)

    def __getitem__(self, index: int) -> Item:
        shapes, name = self.shapes, self.shapes.names[index]
        points = torch.from_numpy(checked(shapes.read(index), name, self.count))
        kind = self.normalisation
        frame = kind if isinstance(kind, CentreScale) else frame_of(points, kind)
        size = (points.amax(0) - points.amin(0)).amax()
        if not size > 0:
            raise CorruptSample(name, "all its points coincide, so it has no size to normalise by")
        if kind == "shape_unit" and size < LEAST_SIZE * frame.scale:
            raise CorruptSample(
                name,
                f"it lies {frame.scale / size:.0f} times farther from the origin than it is large, so shape_unit makes "
                "it vanish: set data.normalisation to shape_std",
            )
        points = frame.apply(points).float()
        if self.only:
            points = random_subset(points, self.count, keyed_generator(Purpose.POINTS, index))
        item: Item = {"points": points, "centre": frame.centre, "scale": frame.scale, "name": name}
        item |= {} if shapes.labels is None else {"label": shapes.labels[index]}
        return item | ({} if shapes.captions is None else {"caption": shapes.captions[index]})


def _moments(shapes: Shapes) -> Iterator[Tensor]:
    """``[2, 3]`` of some clouds each: mean and variance of each coordinate."""
    chosen = torch.randperm(len(shapes.names), generator=keyed_generator(Purpose.CHOICE))[:LOOKED_AT].tolist()
    for index in chosen:
        try:
            points = torch.from_numpy(checked(shapes.read(index), shapes.names[index]))
        except CorruptSample:
            continue  # it is met again, named and counted, when it is served
        yield torch.stack((points.mean(0), points.var(0, correction=0)))


def checked(points: npt.NDArray[np.floating], name: str, count: int = 1) -> npt.NDArray[np.float64]:
    """``[P, 3]`` float64.

    Raises:
        CorruptSample: they are of another shape or type, not finite, or fewer than ``count``.
    """
    if points.ndim != 2 or points.shape[1] != 3:
        raise CorruptSample(name, f"its points have shape {list(points.shape)}, expected [P, 3]")
    require_numbers(points, name)
    if len(points) < count:
        raise CorruptSample(name, f"it has {len(points)} points, but {count} are asked for")
    if not (np.abs(points) <= np.finfo(np.float32).max).all():
        raise CorruptSample(name, "some of its coordinates are NaN or infinite, or too large for float32")
    return points.astype(np.float64)
