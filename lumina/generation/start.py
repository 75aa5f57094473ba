"""A picture to start from, or to fill a box of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from lumina.errors import CorruptSample
from lumina.generation.requests import Size, integers
from lumina.interfaces import Modality
from lumina.pictures.reading import load_image, to_tensor
from lumina.sampling.known import Known

Box = Sequence[float]
"""Top, left, bottom, right in pixels."""

STRENGTH = 0.6  # of image-to-image: the released script's default
ROUNDING = 1e-6  # of a cell: what a box may lie beside a cell's edge without touching the next one


@dataclass(frozen=True, kw_only=True)
class FittedStart:
    """A picture at the size of the samples that start from it.

    Attributes:
        known: the picture in tokens.
        image: ``[C, H, W]`` in [-1, 1].
        outside: bool ``[C, H, W]``, True = a pixel outside the box; None = there is no box.
    """

    known: Known
    image: Tensor
    outside: Tensor | None

    def restore(self, samples: Sequence[Tensor]) -> list[Tensor]:
        """Pictures ``[C, H, W]`` with the starting picture's own pixels outside the box, free of the VAE's losses."""
        if self.outside is None:
            return list(samples)
        return [torch.where(self.outside, self.image.to(sample), sample) for sample in samples]


@dataclass(frozen=True, kw_only=True)
class Start:
    """A picture to start from.

    Args:
        image: a picture file; what does not fit the proportions of the size is cut off evenly.
        strength: how much of it is drawn anew, 0 = nothing, 1 = all; None = 0.6, or 1 with a box.
        box: TOP,LEFT,BOTTOM,RIGHT in pixels of the file: only what is inside is drawn; outside, the picture keeps its
            pixels.

    Raises:
        ValueError: for a box or a strength without a picture.
    """

    image: Path | None = None
    strength: float | None = None
    box: tuple[int, int, int, int] | str | None = None

    def __post_init__(self) -> None:
        if self.image is None and not (self.strength is None and self.box is None):
            raise ValueError("--strength and --box speak of a picture: give --image.")

    def described(self) -> dict[str, Any]:
        """As plain data for files; empty without a picture."""
        return {} if self.image is None else {"image": str(self.image), "strength": self._strength, "box": self.box}

    def fit(self, modality: Modality, size: Size | None, device: torch.device) -> FittedStart | None:
        """The picture at the size of a sample, in pixels and in tokens on ``device``; None = start from noise.

        Args:
            modality: of the model.
            size: of the sample; None = the trained size.
            device: compresses the picture.

        Raises:
            ValueError: for a modality without pictures, or for a box without area or outside the picture.
        """
        if self.image is None:
            return None
        if "image" not in modality.batch_keys:
            raise ValueError(f"--image is for models of images; this one is of {type(modality).__name__}.")
        try:
            file = load_image(self.image)
        except CorruptSample as error:
            raise ValueError(f"--image cannot be read: {error}") from error
        channels, height, width = modality.example_batch(1)["image"].shape[1:]
        height, width = size or (height, width)
        crop = _crop(file, height, width)
        image = _fitted(file, crop, height, width, channels)
        latent = modality.compress({"image": image.to(device)})
        kept = outside = None
        if self.box is not None:
            kept = modality.tokenize(_outside(self.box, file, crop, latent), {}).features > 0
            outside = _outside(self.box, file, crop, image)[0] > 0
        known = Known(features=modality.tokenize(latent, {}).features, strength=self._strength, kept=kept)
        return FittedStart(known=known, image=image[0], outside=outside)

    @property
    def _strength(self) -> float:
        if self.strength is not None:
            return self.strength
        return STRENGTH if self.box is None else 1.0


def _fitted(file: Image.Image, crop: Box, height: int, width: int, channels: int) -> Tensor:
    top, left, bottom, right = crop
    fitted = file.resize((width, height), Image.Resampling.BICUBIC, (left, top, right, bottom))
    return to_tensor(fitted if channels == 3 else fitted.convert("L").convert("RGB"))[None, :channels]


def _crop(file: Image.Image, height: int, width: int) -> Box:
    """The largest central part of the file that has the proportions of ``height x width``."""
    scale = min(file.height / height, file.width / width)
    top, left = (file.height - height * scale) / 2, (file.width - width * scale) / 2
    return top, left, top + height * scale, left + width * scale


def _outside(box: Sequence[int] | str, file: Image.Image, crop: Box, latent: Tensor) -> Tensor:
    """1 where a cell of the latent lies wholly outside the box, else 0; of the latent's shape."""
    top, left, bottom, right = corners = integers(box, 4, "box", "TOP,LEFT,BOTTOM,RIGHT in pixels")
    if not (top < bottom <= file.height and left < right <= file.width):
        raise ValueError(
            f"box={top},{left},{bottom},{right} must be TOP,LEFT,BOTTOM,RIGHT inside the picture of {file.height}x"
            f"{file.width} pixels (height x width)."
        )
    inside = []
    for axis, cells in enumerate(latent.shape[-2:]):
        first, scale = crop[axis], cells / (crop[axis + 2] - crop[axis])
        low, high = ((corner - first) * scale for corner in corners[axis::2])
        inside.append(slice(max(0, math.floor(low + ROUNDING)), max(0, math.ceil(high - ROUNDING))))
    outside = torch.ones_like(latent)
    outside[:, :, inside[0], inside[1]] = 0
    if bool(outside.all()):
        raise ValueError("the box lies in a part of the picture that is cut off to fit the size; give another --size.")
    return outside
