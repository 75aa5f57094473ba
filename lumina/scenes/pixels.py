"""The pixels and cameras of some views of an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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


def read_pixels(
    opened: Opened, size: int, count: tuple[int, int], reference: ReferenceKind, generator: Generator | None
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
    azimuths = torch.tensor(subset.azimuths)
    return Pixels(
        views=torch.stack([_read(view, size) for view in subset.views]),
        reference=None if subset.reference is None else _read(subset.reference, size),
        azimuths=azimuths.where(azimuths < 360, 0.0),  # what float32 rounds up
        camera_to_world=torch.from_numpy(np.stack([view.camera.camera_to_world for view in subset.views])).float(),
        field_of_view=torch.tensor(field_of_view),
    )


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
    """``[4, size, size]`` of a picture.

    Raises:
        CorruptSample: it cannot be read, or has another shape than its camera.
    """
    image = load_rgba(view.file)
    height, width = view.camera.size
    if abs(image.width * height - image.height * width) > SAME_SHAPE * image.height * width:
        raise CorruptSample(
            view.file, f"the picture has {image.width} by {image.height} pixels, its camera {width} by {height}"
        )
    return square(image, size)
