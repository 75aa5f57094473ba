"""Conditioning on captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lumina.backbone.initialisation import xavier
from lumina.interfaces import Conditioner, TextEncoder
from lumina.values import Conditioning, Route, Wish, length_mask


class TextConditioner(Conditioner):
    """Token features of captions for the backbone's cross-attention; the null condition is the empty caption.

    A caption without tokens becomes one token of zeros, because attention over nothing is undefined. Its value is zero,
    and it pools to zero.

    Args:
        encoder: a frozen pretrained text encoder.
        dropout: probability in training that a caption is replaced by the empty one.
        key: field of the batch, a list of strings.
        width: C, to which a learned linear layer brings the features, so that texts of encoders of different widths go
            together; None = that of the encoder, without a layer.
        drop_group: texts with one name here are dropped together where their chances are equal; None = each for itself.

    Raises:
        ValueError: the width is below 1.
    """

    route: ClassVar[Route] = "cross"
    wish: ClassVar[Wish] = Wish(
        name="prompt",
        type=str,
        form="TEXT",
        several=True,
        help="what to draw, taken literally; give the option several times for several texts",
    )
    avoid: ClassVar[Wish] = Wish(
        name="negative",
        type=str,
        form="TEXT",
        parse=lambda text: text or None,
        help="what to stay away from; guidance leads from this to the prompt",
    )

    def __init__(
        self,
        encoder: TextEncoder,
        dropout: float = 0.1,
        key: str = "caption",
        width: int | None = None,
        drop_group: str | None = None,
    ) -> None:
        super().__init__()
        if width is not None and width < 1:
            raise ValueError(f"{type(self).__name__}: width={width} must be at least 1.")
        self.encoder, self.dropout, self.key, self.width, self.drop_group = encoder, dropout, key, width, drop_group
        self.dim = encoder.dim if width is None else width
        self.projection: nn.Linear | None = None

    def build(self, width: int) -> None:
        """Creates the linear layer, if there is to be one."""
        if self.width is not None:
            self.projection = nn.Linear(self.encoder.dim, self.width)
            xavier(self.projection)

    def forward(self, value: Sequence[str], keep: Tensor) -> Conditioning:
        """Encodes B captions: ``cross [B, S, C]``; the mask is None if all have the same length.

        Raises:
            ValueError: a caption is not a string.
        """
        invalid = next((caption for caption in value if not isinstance(caption, str)), None)
        if invalid is not None:
            raise ValueError(f"field {self.key!r} must contain one string per sample, got a {type(invalid).__name__}.")
        captions = [caption if kept else "" for caption, kept in zip(value, keep.tolist(), strict=True)]
        unique = list(dict.fromkeys(captions))
        encoded = dict(zip(unique, self._features(unique, keep.device), strict=True))
        rows = [
            encoded[caption] if len(encoded[caption]) else encoded[caption].new_zeros(1, self.dim)
            for caption in captions
        ]
        lengths = tuple(len(row) for row in rows)
        mask = length_mask(lengths, rows[0].device)
        return Conditioning(
            cross=pad_sequence(rows, batch_first=True),
            cross_mask=mask,
            cross_lengths=None if mask is None else lengths,
        )

    def _features(self, captions: Sequence[str], device: torch.device) -> Sequence[Tensor]:
        """``[S_i, C]`` of each caption."""
        features = self.encoder.encode(captions, device)
        if self.projection is None:
            return features
        projected: Tensor = self.projection(torch.cat(features).to(self.projection.weight.dtype))
        return projected.split([len(rows) for rows in features])

    def unasked(self) -> Sequence[str]:
        """Nothing: there has to be a prompt."""
        return ()

    def cacheable(self) -> TextEncoder:
        """That of the captions."""
        return self.encoder

    def words(self, value: Sequence[str]) -> list[str]:
        """The captions themselves."""
        return list(value)

    def example(self, count: int) -> list[str]:
        """Captions of different lengths; the first one is empty."""
        return [" ".join(["apple"] * number) for number in range(count)]
