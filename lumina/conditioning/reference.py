"""Conditioning on a picture of the object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from lumina.interfaces import Conditioner, Modality
from lumina.pictures.background import WHITE, Colour
from lumina.scenes.reference import read_reference
from lumina.scenes.wishes import REFERENCE
from lumina.values import Batch, Conditioning, Prefix, Route, Tokens, Wish

UNCONNECTED = "ReferenceView needs a modality of views: call connect() first."


class ReferenceView(Conditioner):
    """A clean view of the object beside the noisy ones, at the azimuth of view 1 and an elevation of its own.

    It is compressed and cut into tokens as the views are, and stands at the positions of view 1 (Lumina-Next, E.1). A
    learned vector tells it from the noisy views.

    Args:
        told: the time that it is told: "clean" = 1, that of data; "time" = that of the noisy views.
        dropout: chance in training that a sample has no reference.
        key: field of the batch, ``[B, 3, H, W]`` in [-1, 1].
        background: red, green and blue in [0, 1], before which pictures with alpha are put that samples are made from;
            None = that of the data's references, or white where they have no certain one.

    Raises:
        ValueError: ``background`` is out of its range.
    """

    route: ClassVar[Route] = "prefix"
    wish: ClassVar[Wish] = REFERENCE
    asks: ClassVar[tuple[str, ...]] = ("reference_background",)

    def __init__(
        self,
        told: Literal["clean", "time"] = "clean",
        dropout: float = 0.1,
        key: str = "reference",
        background: Colour | None = None,
    ) -> None:
        super().__init__()
        if background is not None and not all(0 <= part <= 1 for part in background):
            raise ValueError(
                f"Got background {background}: set red, green and blue from 0 to 1, as [1, 1, 1] for white."
            )
        self.told, self.dropout, self.key, self.background = told, dropout, key, background
        self.latent_key = f"{key}_latent"
        self.vector = nn.Parameter(torch.zeros(0))
        self.size = (0, 0)
        self._compress: Callable[[Batch], Any] | None = None
        self._tokenize: Callable[[Any, Batch], Tokens] | None = None

    def build(self, width: int) -> None:
        """Creates the vector ``[width]``, zero at first."""
        self.vector = nn.Parameter(torch.zeros(width))

    def connect(self, modality: Modality) -> None:
        """Keeps what compresses and tokenizes views, and their size.

        Raises:
            ValueError: the modality is not one of views.
        """
        if "views" not in modality.batch_keys:
            raise ValueError(
                f"a reference goes with a modality of views, not {type(modality).__name__}: leave out ReferenceView."
            )
        self._compress, self._tokenize = modality.compress, modality.tokenize
        height, width = modality.data_settings["size"]
        self.size = (height, width)

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """The background of the data's references."""
        given = getattr(data, "reference_background", None)
        if self.background is None and given is not None:
            red, green, blue = given
            self.background = (red, green, blue)
        return {"background": self.background}

    def check(self, value: Tensor) -> None:
        """Refuses what is not one picture a sample.

        Raises:
            ValueError: shows the shape.
        """
        if value.dim() != 4:
            raise ValueError(
                f"{self.key!r} must be one picture a sample, [B, C, H, W], got the shape {tuple(value.shape)}."
            )

    def compress(self, value: Tensor) -> Tensor:
        """Pictures ``[B, C, H, W]`` as the modality compresses them.

        Raises:
            ValueError: it was never connected to a modality.
        """
        if self._compress is None:
            raise ValueError(UNCONNECTED)
        self.check(value)
        latent: Tensor = self._compress({"views": value.unsqueeze(1)})
        return latent.squeeze(1)

    def forward(self, value: Tensor, keep: Tensor) -> Conditioning:
        """A prefix of the tokens of compressed pictures ``value [B, C, h, w]``.

        Raises:
            ValueError: it was never connected to a modality.
        """
        if self._tokenize is None:
            raise ValueError(UNCONNECTED)
        tokens = self._tokenize(value.unsqueeze(1), {})
        return Conditioning(
            prefix=Prefix(
                tokens=tokens,
                grouped=self.vector.expand(len(value), 1, -1),
                times=(1.0 if self.told == "clean" else None,),
            )
        )

    def gather(self, values: Sequence[Path]) -> Tensor:
        """Pictures of files ``[B, 3, H, W]``, each at the size of views."""
        background = self.background or WHITE
        return torch.stack([_read(path, path.stat().st_mtime_ns, self.size, background) for path in values])

    def example(self, count: int) -> Tensor:
        """Uniform noise."""
        return torch.rand(count, 3, *self.size) * 2 - 1


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: tuple[int, int], background: Colour) -> Tensor:
    return read_reference(path, size, background)
