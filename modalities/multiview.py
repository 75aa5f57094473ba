"""Views of one object, in pixel space or in the latent space of a VAE, as many as one likes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from lumina.data.batches import stacked
from lumina.data.sampler import Key
from lumina.data.samples import Samples
from lumina.interfaces import Autoencoder, Modality
from lumina.pictures import patches
from lumina.pictures.sheet import as_rgb, contact_sheet
from lumina.scenes.on_page import views_on_page
from lumina.scenes.ring import Ring
from lumina.scenes.saving import save_views
from lumina.scenes.turntable import turned, wandb_turntables
from lumina.scenes.wishes import AZIMUTHS, VIEWS, check_together, even_azimuths, wanted_azimuths, warn_beyond
from lumina.values import Batch, Shown, Tokens, Wish

WIDEST = 1024  # row of views on a sheet, in pixels
LOOKED_AT = 32  # drawn training samples, of which the cameras are looked at

Views = Tensor | Sequence[Tensor]
"""``[B, N, C, H, W]``, or a list of ``[N_i, C, H, W]``; values in [-1, 1]."""


class MultiView(Modality):
    """Patches of the views of an object as tokens on three axes (view, row, column), view after view.

    The group of a token is the number of its view, by which it is told the view's azimuth. With shared positions the
    views are a set: in whatever order they come, each is drawn alike.

    Args:
        size: height and width of a view in pixels.
        views: most views of a training sample; what is sampled unless other views are asked for.
        channels: of the views, 1 or 3.
        patch_size: side of a patch, in pixels (or in latent cells under an autoencoder).
        autoencoder: a pretrained VAE of pictures, for each view by itself; None = pixel space.
        positions: on the axis of views: "shared" = 0 for all; "index" = the number of the view.
        elevation: of the views' cameras in degrees, for the files of samples; None = that of the data if all views
            share one, else an assumed one, which the files say.
        distance: of the cameras; the same.
        field_of_view: of the cameras, the horizontal one in degrees; the same.

    Raises:
        ValueError: where ``size`` cannot be cut into patches, or a number is out of its range.
    """

    batch_keys: ClassVar[tuple[str, ...]] = ("views",)
    kept_keys: ClassVar[tuple[str, ...]] = ("azimuths", "camera_to_world", "field_of_view")
    shown_keys: ClassVar[tuple[str, ...]] = ("views", "reference")
    wishes: ClassVar[tuple[Wish, ...]] = (VIEWS, AZIMUTHS)
    position_axes = 3
    token_channels: int

    def __init__(
        self,
        size: tuple[int, int],
        views: int = 4,
        channels: int = 3,
        patch_size: int = 2,
        autoencoder: Autoencoder | None = None,
        positions: Literal["shared", "index"] = "shared",
        elevation: float | None = None,
        distance: float | None = None,
        field_of_view: float | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("views", views), ("channels", channels), ("patch_size", patch_size)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1.")
        self.size, self.views, self.channels, self.patch_size = size, views, channels, patch_size
        self.autoencoder, self.positions = autoencoder, positions
        self.ring = Ring(elevation=elevation, distance=distance, field_of_view=field_of_view)
        self.token_channels = channels if autoencoder is None else autoencoder.channels
        self.token_dim = self.token_channels * patch_size**2
        self._grid(size)

    @property
    def latent_identity(self) -> Mapping[str, Any]:
        """That of the autoencoder, or the channels in pixel space."""
        return {"channels": self.channels} if self.autoencoder is None else self.autoencoder.identity

    @property
    def data_settings(self) -> Mapping[str, Any]:
        """The size of a view."""
        return {"size": list(self.size)}

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """What the cameras of the data have in common, unless it is set.

        Raises:
            ValueError: the first sample has views of another size or of other channels.

        Warns:
            UserWarning: it has more views than are sampled unless others are asked for.
        """
        splits = [samples for split in ("train", "validation") if len(samples := data.samples(split))]
        firsts = [data.collate([samples[0].item]) for samples in splits]  # of the most views; a draw may have fewer
        if firsts and "views" in firsts[0]:
            _, *shape = firsts[0]["views"][0].shape
            if shape != [self.channels, *self.size]:
                raise ValueError(
                    f"the modality is for views of {(self.channels, *self.size)} (channels, height, width), the data "
                    f"has {tuple(shape)}: set modality.size and modality.channels, or data.size, to the same."
                )
        drawn = _drawn(data)
        told = [sample for sample in [*map(_kept, firsts), *drawn] if "azimuths" in sample]
        views = max((len(sample["azimuths"]) for sample in told), default=0)
        if views > self.views:
            warnings.warn(
                f"the data has {views} views a sample, the modality is for up to {self.views}: where it is trained "
                "on such data, set modality.views to their number, which is what is sampled.",
                stacklevel=2,
            )
        self.ring = self.ring.completed(_ring_of(drawn))
        return asdict(self.ring)

    def compress(self, batch: Batch) -> Views:
        """Pixels in pixel space, else the VAE's normalised latents of each view."""
        views: Views = batch["views"]
        if self.autoencoder is None:
            return views
        latents = self.autoencoder.encode(views.flatten(0, 1) if isinstance(views, Tensor) else torch.cat([*views]))
        counts = [len(sample) for sample in views]
        return latents.unflatten(0, (-1, counts[0])) if isinstance(views, Tensor) else list(latents.split(counts))

    def tokenize(self, latent: Views, batch: Batch) -> Tokens:
        """Views one after the other, each in raster order; fewer views than the most of the batch are padded.

        Raises:
            ValueError: for a latent of other channels or of sides that the patch does not divide, and for another
                number of azimuths than of views.
        """
        self._check_azimuths(latent, batch)
        for part in [latent] if isinstance(latent, Tensor) else latent:
            patches.check_shape(part, self.token_channels, self.patch_size)
        if not isinstance(latent, Tensor) and len({sample.shape for sample in latent}) == 1:
            latent = torch.stack([*latent])
        if isinstance(latent, Tensor):
            return self._tokens(patches.cut(latent, self.patch_size).flatten(1, 2), *self._places(latent[0]))
        cut = [patches.cut(sample, self.patch_size).flatten(0, 1) for sample in latent]
        places, groups = zip(*(self._places(sample) for sample in latent), strict=True)
        return replace(Tokens.padded(cut, places), groups=pad_sequence(list(groups), batch_first=True))

    def decode(self, outputs: Tokens, batch: Batch) -> Views:
        """Views in [-1, 1]: a tensor where all samples have as many, else a list."""
        return stacked([self._pixels(self._latents(outputs, sample)) for sample in range(len(outputs.features))])

    def layout(self, count: int, request: Mapping[str, Any]) -> Tokens:
        """Canvas of ``count`` samples of ``request["views"]`` views, or of as many as ``request["azimuths"]``."""
        views, (rows, columns) = len(wanted_azimuths(request, self.views)), self._grid(self.size)
        warn_beyond(views, self.views)
        cells = torch.zeros(views, 1, rows * self.patch_size, columns * self.patch_size)
        features = torch.zeros(count, views * rows * columns, self.token_dim)
        return self._tokens(features, *self._places(cells))

    def fields(self, count: int, request: Mapping[str, Any]) -> Batch:
        """``azimuths [count, N]`` in degrees, relative to view 1."""
        azimuths = torch.tensor(wanted_azimuths(request, self.views), dtype=torch.float32)
        return {"azimuths": (azimuths - azimuths[0]).remainder(360).expand(count, -1)}

    @classmethod
    def check_request(cls, request: Mapping[str, Any]) -> None:
        """Refuses another number of views than of azimuths.

        Raises:
            ValueError: naming both.
        """
        check_together(request)

    def example_batch(self, count: int) -> Batch:
        """Uniform noise, evenly all around."""
        views = torch.rand(count, self.views, self.channels, *self.size) * 2 - 1
        return {"views": views, **self.fields(count, {})}

    def picture(self, samples: Views, captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """All samples on one sheet, the views of each beside one another.

        Where the batch has them and they are as large, the true views stand above and the reference before both.
        """
        rows = [torch.cat([*sample], -1) for sample in samples]
        truths, references = ((batch or {}).get(key) for key in self.shown_keys)
        if truths is not None:
            whole = [torch.cat([*views], -1) for views in truths]
            rows = [
                torch.cat((true, row), -2) if true.shape == row.shape else row
                for true, row in zip(whole, rows, strict=True)
            ]
        if references is not None:
            rows = [_before(reference, row) for reference, row in zip(references, rows, strict=True)]
        return contact_sheet(rows, columns=1, captions=captions, largest=WIDEST)

    def wandb_media(self, samples: Views, captions: Sequence[str] = (), batch: Batch | None = None) -> Any:
        """A turntable of each, as `save` writes it."""
        told = zip(samples, _azimuths_of(samples, batch), strict=True)
        return wandb_turntables([views[turned(azimuths)] for views, azimuths in told], captions)

    def save(
        self,
        samples: Views,
        folder: Path,
        numbers: Sequence[int],
        texts: Sequence[Mapping[str, str]] = (),
        batch: Batch | None = None,
    ) -> list[Path]:
        """A folder a sample: a PNG of each view, a sheet, a turntable, and ``transforms.json`` with the cameras."""
        azimuths = _azimuths_of(samples, batch)
        return [
            save_views(views, own, folder / f"{number:05d}", self.ring, text)
            for views, own, number, text in zip(samples, azimuths, numbers, texts or [{} for _ in numbers], strict=True)
        ]

    def shown(self, file: Path, text: str = "") -> Shown:
        """A turntable above the views."""
        return views_on_page(file, text)

    def _grid(self, size: Sequence[int]) -> tuple[int, int]:
        return patches.grid(size, self.patch_size, None if self.autoencoder is None else self.autoencoder.factor)

    def _places(self, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Positions ``[L, 3]`` and groups ``[L]`` of the tokens of ``[N, C, H, W]``."""
        rows, columns = (side // self.patch_size for side in sample.shape[-2:])
        groups = torch.arange(len(sample), device=sample.device).repeat_interleave(rows * columns)
        axis = groups if self.positions == "index" else torch.zeros_like(groups)
        raster = patches.raster(rows, columns, sample.device).repeat(len(sample), 1)
        return torch.cat((axis[:, None], raster), 1), groups

    def _tokens(self, features: Tensor, positions: Tensor, groups: Tensor) -> Tokens:
        """A batch ``[B, L, F]`` on the same places."""
        count = len(features)
        return Tokens(features=features, positions=positions.expand(count, -1, -1), groups=groups.expand(count, -1))

    def _latents(self, tokens: Tokens, sample: int) -> Tensor:
        """``[N, C, h, w]`` of one sample."""
        features, positions = tokens.features[sample], tokens.positions[sample]
        if tokens.mask is not None:
            features, positions = features[tokens.mask[sample]], positions[tokens.mask[sample]]
        rows, columns = (int(side) + 1 for side in positions[:, 1:].amax(0))
        views = features.unflatten(0, (-1, rows * columns))
        return patches.put_together(views, rows, columns, self.patch_size)

    def _pixels(self, latents: Tensor) -> Tensor:
        pixels = latents if self.autoencoder is None else self.autoencoder.decode(latents)
        return pixels.clamp(-1, 1)

    @staticmethod
    def _check_azimuths(latent: Views, batch: Batch) -> None:
        if "azimuths" in batch:
            views, told = [len(sample) for sample in latent], [len(sample) for sample in batch["azimuths"]]
            if views != told:
                raise ValueError(f"got samples of {views} views, but azimuths for {told}: give one a view.")


def _before(reference: Tensor, row: Tensor) -> Tensor:
    """A picture at the left of another, at its top."""
    space = pad(as_rgb(reference), (0, 0, 0, row.shape[-2] - reference.shape[-2]), value=1.0)
    return torch.cat((space, as_rgb(row)), -1)


def _azimuths_of(samples: Views, batch: Batch | None) -> list[tuple[float, ...]]:
    """Those of the batch, or else even ones."""
    if batch is not None and "azimuths" in batch:
        return [tuple(torch.as_tensor(own).tolist()) for own in batch["azimuths"]]
    return [even_azimuths(len(views)) for views in samples]


def _kept(batch: Batch) -> Batch:
    """What the only sample of a batch has beside its pictures."""
    return {name: batch[name][0] for name in MultiView.kept_keys if name in batch}


def _drawn(data: Any) -> list[Batch]:
    """Samples from all over the data as training draws them, each of another epoch: of any group, of any variant."""
    samples = Samples(data.dataset("train"), data.seed, data.transform, train=True)
    keys = [Key(number, number * len(samples) // LOOKED_AT) for number in range(LOOKED_AT if len(samples) else 0)]
    return [_kept(data.collate([samples[key].item])) for key in keys]


def _ring_of(samples: Sequence[Batch]) -> Ring:
    """What cameras of samples have in common."""
    told = [sample for sample in samples if {"camera_to_world", "field_of_view"} <= sample.keys()]
    if not told:
        return Ring()
    angles = [float(sample["field_of_view"]) for sample in told for _ in sample["camera_to_world"]]
    return Ring.of(torch.cat([sample["camera_to_world"] for sample in told]).double().numpy(), angles)
