"""The pixels and cameras of some views of an object."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from lumina.errors import CorruptSample
from lumina.pictures.background import square
from lumina.pictures.reading import load_rgba
from lumina.scenes.cameras import Camera
from lumina.scenes.sets import Opened
from lumina.scenes.subset import ReferenceKind, choose
from lumina.scenes.views import View

SAME_FIELD = 0.5  # degrees
SAME_SHAPE = 0.02  # share of the width


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """Square pictures of an object, their colours multiplied by alpha.

    Attributes:
        views: ``[N, 4, size, size]`` float32 in [0, 1].
        reference: ``[4, size, size]``; None = there is none.
        azimuths: ``[N]`` float32, of `lumina.scenes.subset.Subset`.
        camera_to_world: ``[N, 4, 4]`` float32.
        field_of_view: ``[]`` float32, degrees from the left to the right of view 1.
    """

    views: Tensor
    reference: Tensor | None
    azimuths: Tensor
    camera_to_world: Tensor
    field_of_view: Tensor

    def mirrored(self) -> Pixels:
        """The same views of the object's mirror image in the plane x = 0: azimuths run the other way around."""
        flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0]))
        return Pixels(
            views=self.views.flip(-1),
            reference=None if self.reference is None else self.reference.flip(-1),
            azimuths=_below_360((-self.azimuths).remainder(360)),
            camera_to_world=flip @ self.camera_to_world @ flip,
            field_of_view=self.field_of_view,
        )

    def recoloured(self, order: Sequence[int], gamma: Tensor) -> Pixels:
        """The same object in other colours, the same ones in all views; black stays black, white stays white.

        Args:
            order: which channel each of the three is taken from.
            gamma: ``[3]``, the power that each channel is raised to then.
        """
        reference = None if self.reference is None else _recoloured(self.reference, order, gamma)
        return replace(self, views=_recoloured(self.views, order, gamma), reference=reference)


def _recoloured(pixels: Tensor, order: Sequence[int], gamma: Tensor) -> Tensor:
    colours, alpha = pixels[..., :3, :, :], pixels[..., 3:, :, :]
    own = (colours[..., list(order), :, :] / alpha.clamp_min(1e-6)).clamp(0, 1)
    return torch.cat((own ** gamma[:, None, None] * alpha, alpha), -3)


class PixelReader:
    """Reads pictures of objects, and keeps those in memory that were read last.

    Args:
        size: side of the square pictures in pixels.
        limit: bytes to keep.
    """

    def __init__(self, size: int, limit: int) -> None:
        self.size, self.limit = size, limit
        self._held: OrderedDict[Path, Tensor] = OrderedDict()

    def read(self, view: View, keep: bool) -> Tensor:
        """``[4, size, size]`` uint8 of a picture.

        Raises:
            CorruptSample: it cannot be read, or has another shape than its camera.
        """
        if view.file in self._held:
            self._held.move_to_end(view.file)
            return self._held[view.file]
        pixels = _read(view, self.size)
        if keep:
            self._held[view.file] = pixels
            while len(self._held) * pixels.nbytes > self.limit:
                self._held.popitem(last=False)
        return pixels

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held": OrderedDict()}  # a worker reads its own


def read_pixels(
    opened: Opened,
    reader: PixelReader,
    count: tuple[int, int],
    reference: ReferenceKind,
    generator: Generator | None = None,
) -> Pixels:
    """Some views of an object; see `lumina.scenes.subset.choose`.

    Raises:
        CorruptSample: there are too few, they do not go together, or a picture cannot be read.
    """
    try:
        subset = choose(opened.views, count, reference, generator)
        field_of_view = _field_of_view(subset.views)
    except ValueError as error:
        raise CorruptSample(opened.views.name, error) from error
    azimuths, keep = torch.tensor(subset.azimuths), opened.place is None  # an unpacked file is never met again
    return Pixels(
        views=torch.stack([reader.read(view, keep) for view in subset.views]) / 255,
        reference=None if subset.reference is None else reader.read(subset.reference, keep) / 255,
        azimuths=_below_360(azimuths),
        camera_to_world=torch.from_numpy(np.stack([view.camera.camera_to_world for view in subset.views])).float(),
        field_of_view=torch.tensor(field_of_view),
    )


def _below_360(azimuths: Tensor) -> Tensor:
    return azimuths.where(azimuths < 360, 0.0)  # float32 rounds up


def _field_of_view(views: Sequence[View]) -> float:
    """Of the square pictures, in degrees.

    Raises:
        ValueError: they differ.
    """
    found = [_square(view.camera).field_of_view for view in views]
    if max(found) - min(found) > SAME_FIELD:
        raise ValueError(
            f"its views have fields of view from {min(found):.1f} to {max(found):.1f} degrees, expected one of all"
        )
    return found[0]


def _square(camera: Camera) -> Camera:
    """The camera of the central square of a picture."""
    side = min(camera.size)
    return replace(camera, size=(side, side))


def _read(view: View, size: int) -> Tensor:
    image = load_rgba(view.file)
    height, width = view.camera.size
    if abs(image.width * height - image.height * width) > SAME_SHAPE * image.height * width:
        raise CorruptSample(
            view.file, f"the picture has {image.width} by {image.height} pixels, its camera {width} by {height}"
        )
    return square(image, size)
