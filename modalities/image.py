"""Images, in pixel space or in the latent space of a VAE, of one size or of mixed sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from lumina.interfaces import Autoencoder, Modality
from lumina.pictures import patches
from lumina.pictures.on_page import exhibit_picture, picture_on_page
from lumina.pictures.sheet import contact_sheet, save_picture, to_uint8
from lumina.pictures.start import FittedPicture, parse_box, parse_picture, parse_size
from lumina.values import Batch, Known, Shown, Start, Tokens, Wish

STRENGTH = 0.6  # of image-to-image: the released script's default
LARGEST = 65_536
"""Pixels of a side."""

Images = Tensor | Sequence[Tensor]
"""``[B, C, H, W]``, or a list of ``[C, H, W]`` of mixed sizes; values in [-1, 1]."""


class Image(Modality):
    """Patches of a picture, or of its VAE latent, as tokens on two axes (row, column).

    Patches are those of `lumina.pictures.patches`.

    Args:
        size: height and width of the training pictures in pixels; what is sampled unless another size is asked for.
        channels: of the pictures, 1 or 3.
        patch_size: side of a patch, in pixels (or in latent cells under an autoencoder).
        autoencoder: a pretrained VAE; None = pixel space.

    Raises:
        ValueError: where ``size`` cannot be cut into patches, or a number is out of its range.
    """

    batch_keys: ClassVar[tuple[str, ...]] = ("image",)
    wishes: ClassVar[tuple[Wish, ...]] = (
        Wish(
            name="size",
            type=tuple[int, int] | str,
            form="HEIGHTxWIDTH",
            help="in pixels, 1024x4096 being a wide panorama; the trained size if left out",
            parse=parse_size,
            show=lambda size: f"{size[0]}x{size[1]}",
        ),
        Wish(
            name="image",
            type=Path,
            form="FILE",
            help="a picture to start from; what does not fit the proportions of the size is cut off evenly",
            parse=parse_picture,
            show=str,
            exhibit=lambda file, folder: exhibit_picture(file, folder, "start", "The picture that they start from"),
        ),
        Wish(
            name="strength",
            type=float,
            help="how much of that picture is redrawn, 0 = nothing, 1 = all; 0.6 if left out, or 1 with a box",
        ),
        Wish(
            name="box",
            type=tuple[int, int, int, int] | str,
            form="TOP,LEFT,BOTTOM,RIGHT",
            help="in pixels of that picture: only what is inside is drawn; outside, the picture keeps its pixels",
            parse=parse_box,
            show=lambda box: ",".join(map(str, box)),
        ),
    )
    position_axes = 2
    token_channels: int

    def __init__(
        self, size: tuple[int, int], channels: int = 3, patch_size: int = 2, autoencoder: Autoencoder | None = None
    ) -> None:
        super().__init__()
        for name, value in (("channels", channels), ("patch_size", patch_size)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1.")
        if max(size) > LARGEST:
            raise ValueError(f"size={list(size)} must be at most {LARGEST} pixels on each side.")
        self.size, self.channels, self.patch_size, self.autoencoder = size, channels, patch_size, autoencoder
        self.token_channels = channels if autoencoder is None else autoencoder.channels
        self.token_dim = self.token_channels * patch_size**2
        self._grid(size)

    @property
    def latent_identity(self) -> Mapping[str, Any]:
        """That of the autoencoder, or the channels in pixel space."""
        return {"channels": self.channels} if self.autoencoder is None else self.autoencoder.identity

    @property
    def data_settings(self) -> Mapping[str, Any]:
        """The size."""
        return {"size": list(self.size)}

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """Nothing.

        Raises:
            ValueError: for data of another size, or whose first picture has other channels or cannot be cut into
                patches.
        """
        own, size = tuple(self.size), getattr(data, "size", None)
        there = own if size is None else (size, size) if isinstance(size, int) else tuple(size)
        if there != own:
            raise ValueError(
                f"the modality is for pictures of {own[0]}x{own[1]} pixels, the data has {there[0]}x{there[1]}: set "
                "modality.size and data.size to the same."
            )
        if "image" in data.batch_keys and len(samples := data.samples("train")):
            channels, *sides = data.collate([samples[0].item])["image"][0].shape
            if channels != self.channels:
                raise ValueError(
                    f"the modality is for pictures of {self.channels} channels, the data has {channels}: set "
                    "modality.channels to that."
                )
            self._grid(sides)
        return {}

    def compress(self, batch: Batch) -> Images:
        """Pixels in pixel space, else the VAE's normalised latents."""
        images: Images = batch["image"]
        if self.autoencoder is None:
            return images
        if isinstance(images, Tensor):
            return self.autoencoder.encode(images)
        return [self.autoencoder.encode(image[None])[0] for image in images]

    def tokenize(self, latent: Images, batch: Batch) -> Tokens:
        """Patches in raster order; mixed sizes are padded to the longest.

        Raises:
            ValueError: for a latent of other channels or of sides that the patch does not divide.
        """
        parts = [latent] if isinstance(latent, Tensor) else [image[None] for image in latent]
        for part in parts:
            patches.check_shape(part, self.token_channels, self.patch_size)
        features = [patches.cut(part, self.patch_size) for part in parts]
        places = [self._positions(part) for part in parts]
        if isinstance(latent, Tensor):
            return Tokens(features=features[0], positions=places[0].expand(latent.shape[0], -1, -1))
        if len({tuple(part.shape) for part in parts}) == 1:
            return Tokens(features=torch.cat(features), positions=places[0].expand(len(parts), -1, -1))
        return Tokens.padded([one[0] for one in features], [place[0] for place in places])

    def decode(self, outputs: Tokens, batch: Batch) -> Images:
        """Pictures in [-1, 1]: a tensor where all have one size, else a list."""
        latents = [self._unpatchify(outputs, sample) for sample in range(len(outputs.features))]
        if len({latent.shape for latent in latents}) == 1:
            return self._pixels(torch.stack(latents))
        return [self._pixels(latent[None])[0] for latent in latents]

    def layout(self, count: int, request: Mapping[str, Any]) -> Tokens:
        """Canvas of ``count`` pictures; ``request["size"]`` = (height, width) in pixels.

        Raises:
            ValueError: for a size that cannot be cut into patches.
        """
        rows, columns = self._grid(request.get("size") or self.size)
        features = torch.zeros(count, rows * columns, self.token_dim)
        return Tokens(features=features, positions=patches.raster(rows, columns, features.device).expand(count, -1, -1))

    @classmethod
    def check_request(cls, request: Mapping[str, Any]) -> None:
        """Refuses a strength or a box without a picture.

        Raises:
            ValueError: there is none.
        """
        if "image" not in request and not {"strength", "box"}.isdisjoint(request):
            raise ValueError("--strength and --box speak of a picture: give --image.")

    def start(self, request: Mapping[str, Any], device: torch.device) -> Start | None:
        """A picture file, brought to the size; outside a box, if there is one, its pixels stay.

        Raises:
            ValueError: for a box without area or outside the picture.
        """
        if "image" not in request:
            return None
        picture = FittedPicture.of(request["image"], request.get("size") or self.size, self.channels)
        latent = self.compress({"image": picture.image.to(device)})
        features, box = self.tokenize(latent, {}).features, request.get("box")
        if box is None:
            return Start(known=Known(features=features, strength=request.get("strength", STRENGTH)))
        kept = self.tokenize(picture.outside(box, torch.as_tensor(latent)), {}).features > 0
        known = Known(features=features, strength=request.get("strength", 1.0), keep_mask=kept)
        return Start(known=known, restore=lambda samples: picture.restore(samples, box))

    def example_batch(self, count: int) -> Batch:
        """Uniform noise pictures."""
        return {"image": torch.rand(count, self.channels, *self.size) * 2 - 1}

    def picture(self, samples: Images, captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """All pictures on one sheet, small ones enlarged."""
        return contact_sheet(list(samples), captions=captions)

    def save(
        self,
        samples: Images,
        folder: Path,
        numbers: Sequence[int],
        texts: Sequence[Mapping[str, str]] = (),
        batch: Batch | None = None,
    ) -> list[Path]:
        """One PNG a picture, with its texts."""
        return [
            save_picture(to_uint8(picture), folder / f"{number:05d}.png", text)
            for picture, number, text in zip(samples, numbers, texts or [{} for _ in numbers], strict=True)
        ]

    def shown(self, file: Path, text: str = "") -> Shown:
        """The picture."""
        return picture_on_page(file, text)

    @property
    def cell(self) -> int:
        """Pixels along a token's side."""
        return self.patch_size * (1 if self.autoencoder is None else self.autoencoder.factor)

    def _grid(self, size: Sequence[int]) -> tuple[int, int]:
        return patches.grid(size, self.patch_size, None if self.autoencoder is None else self.autoencoder.factor)

    def _unpatchify(self, tokens: Tokens, sample: int) -> Tensor:
        features, positions = tokens.features[sample], tokens.positions[sample]
        if tokens.mask is not None:
            features, positions = features[tokens.mask[sample]], positions[tokens.mask[sample]]
        rows, columns = (int(side) + 1 for side in positions.amax(0))
        return patches.put_together(features, rows, columns, self.patch_size)

    def _pixels(self, latents: Tensor) -> Tensor:
        pixels = latents if self.autoencoder is None else self.autoencoder.decode(latents)
        return pixels.clamp(-1, 1)

    def _positions(self, part: Tensor) -> Tensor:
        """``[1, L, 2]`` of the patches of ``part [..., H, W]``."""
        rows, columns = (side // self.patch_size for side in part.shape[-2:])
        return patches.raster(rows, columns, part.device)[None]
