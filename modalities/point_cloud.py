"""Point clouds of any density: a set of points is a set of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lumina.backbone.fourier import FourierEmbedding
from lumina.clouds.ply import write_ply
from lumina.clouds.render import turntable
from lumina.clouds.viewer import cloud_on_page
from lumina.config.numbers import at_least
from lumina.interfaces import Modality
from lumina.pictures.sheet import contact_sheet
from lumina.values import Batch, Shown, Tokens, Wish, length_mask

LARGEST = 10_000_000
"""Points of a cloud."""

Clouds = Tensor | Sequence[Tensor]
"""``[B, P, 3]``, or a list of ``[P, 3]`` of mixed densities."""


class PointCloud(Modality):
    """Points as tokens; a token's features are its coordinates, noisy ones while it is generated.

    A set has no order, so a token's place is where its point is. Either the input embedding says so (`FourierEmbedding`
    of the noisy coordinates; the tokens have no position axes), or RoPE does (a linear embedding; the noisy coordinates
    are positions on three axes, and move as the points move). Both leave the velocity equivariant: points in another
    order have their velocities in that order. With either, a model trained on few points draws any number of them.

    Args:
        points: of a cloud in training; so many are sampled unless another number is asked for.
        embedding: how the network learns where a point is: "fourier" (label-conditional models of the paper) or
            "rope" (its text-conditional model).
        frequencies: of the Fourier features.
        lowest: shortest frequency vector of the Fourier features, in periods per unit length.
        highest: longest one; under "rope", the turns per unit length of the fastest pair.

    Raises:
        ValueError: for numbers out of their range.
    """

    batch_keys: ClassVar[tuple[str, ...]] = ("points",)
    wishes: ClassVar[tuple[Wish, ...]] = (
        Wish(
            name="points",
            type=int,
            help="of each cloud; as many as in training if left out",
            parse=partial(at_least, 1, "points"),
        ),
    )
    token_dim = 3

    def __init__(
        self,
        points: int = 256,
        embedding: Literal["fourier", "rope"] = "fourier",
        frequencies: int = 64,
        lowest: float = 1 / 16,
        highest: float = 4.0,
    ) -> None:
        super().__init__()
        for name, value in (("points", points), ("frequencies", frequencies)):
            if not 1 <= value <= LARGEST:
                raise ValueError(f"{name}={value} must be at least 1 and at most {LARGEST}.")
        self.points, self.embedding = points, embedding
        self.frequencies, self.lowest, self.highest = frequencies, lowest, highest
        self.position_axes = 3 if embedding == "rope" else 0

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """Nothing.

        Raises:
            ValueError: for data whose training clouds have another number of points.
        """
        points = getattr(data, "points", self.points)
        if points != self.points:
            raise ValueError(
                f"the modality is for clouds of {self.points} points, the data trains with {points}: set "
                "modality.points and data.points to the same number."
            )
        return {}

    def compress(self, batch: Batch) -> Clouds:
        """The clouds themselves."""
        clouds: Clouds = batch["points"]
        return clouds

    def tokenize(self, latent: Clouds, batch: Batch) -> Tokens:
        """A token a point; mixed densities are padded to the greatest.

        Raises:
            ValueError: for clouds that are not of shape ``[P, 3]``.
        """
        for cloud in latent:
            if cloud.ndim != 2 or cloud.shape[1] != 3 or not len(cloud):
                raise ValueError(f"got a cloud of shape {list(cloud.shape)}, expected points [P, 3] with P >= 1.")
        if isinstance(latent, Tensor):
            return self._tokens(latent)
        lengths = tuple(len(cloud) for cloud in latent)
        tokens, mask = self._tokens(pad_sequence(list(latent), True)), length_mask(lengths, latent[0].device)
        return tokens if mask is None else replace(tokens, mask=mask, lengths=lengths)

    def decode(self, outputs: Tokens, batch: Batch) -> Clouds:
        """The points: a tensor where all clouds are equally dense, else a list."""
        if outputs.mask is None:
            return outputs.features
        return [points[real] for points, real in zip(outputs.features, outputs.mask, strict=True)]

    def layout(self, count: int, request: Mapping[str, Any]) -> Tokens:
        """Canvas of ``count`` clouds; ``request["points"]`` points in each.

        Raises:
            ValueError: for fewer points than 1.
        """
        points = request.get("points", self.points)
        if points < 1:
            raise ValueError(f"points={points} must be at least 1.")
        return self._tokens(torch.zeros(count, points, 3))

    def example_batch(self, count: int) -> Batch:
        """Gaussian clouds."""
        return {"points": torch.randn(count, self.points, 3)}

    def input_embedding(self, width: int) -> nn.Module | None:
        """Fourier features of the coordinates; linear where RoPE says where a point is."""
        if self.embedding == "rope":
            return super().input_embedding(width)
        return FourierEmbedding(width, self.points, self.frequencies, self.lowest, self.highest)

    def picture(self, samples: Clouds, captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """Each cloud from three sides."""
        return contact_sheet([turntable(cloud) for cloud in samples], captions=captions)

    def wandb_media(self, samples: Clouds, captions: Sequence[str] = (), batch: Batch | None = None) -> Any:
        """Clouds that can be turned."""
        import wandb

        texts: list[str | None] = [*captions] or [None] * len(samples)
        points = (cloud.detach().float().cpu().numpy() for cloud in samples)
        return [wandb.Object3D(cloud, caption=text) for cloud, text in zip(points, texts, strict=True)]

    def save(
        self,
        samples: Clouds,
        folder: Path,
        numbers: Sequence[int],
        texts: Sequence[Mapping[str, str]] = (),
        batch: Batch | None = None,
    ) -> list[Path]:
        """One PLY file a cloud, without texts."""
        return [write_ply(cloud, folder / f"{number:05d}.ply") for cloud, number in zip(samples, numbers, strict=True)]

    def shown(self, file: Path, text: str = "") -> Shown:
        """The cloud, which can be turned."""
        return cloud_on_page(file)

    def _tokens(self, points: Tensor) -> Tokens:
        if self.embedding == "rope":
            return Tokens(features=points, positions=self._place(points), locate=self._place)
        return Tokens(features=points, positions=points.new_zeros(*points.shape[:2], 0))

    def _place(self, points: Tensor) -> Tensor:
        """Positions ``[B, P, 3]``; the fastest pair of RoPE turns by one radian a position."""
        return points.float() * (2 * torch.pi * self.highest)
