"""Conditioning on where views are taken from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lumina.backbone.initialisation import zero_linear
from lumina.interfaces import Conditioner, Modality
from lumina.values import Batch, Conditioning, Route


class ViewAzimuths(Conditioner):
    """The azimuth of each view relative to view 1, added to the time embedding of that view (Lumina-Next, E.1).

    (sin, cos) goes through two layers, the last of which begins at zero: a model that starts from one of pictures puts
    out at first what that one does.

    Args:
        key: field of the batch, ``[B, N]`` degrees, or a list of ``[N_i]``; view 1 is at 0.
    """

    route: ClassVar[Route] = "grouped"
    of_canvas: ClassVar[bool] = True
    dropout = 0.0

    def __init__(self, key: str = "azimuths") -> None:
        super().__init__()
        self.key = key
        self.layers = nn.Sequential()
        self._fields: Callable[[int, Mapping[str, Any]], Batch] | None = None

    def build(self, width: int) -> None:
        """Creates the two layers."""
        self.layers = nn.Sequential(nn.Linear(2, width), nn.SiLU(), zero_linear(width, width))

    def connect(self, modality: Modality) -> None:
        """Keeps what describes its canvases, for `example`."""
        self._fields = modality.fields

    def check(self, value: Tensor | Sequence[Tensor]) -> None:
        """Refuses azimuths that are no finite numbers.

        Raises:
            ValueError: names the sample.
        """
        for sample, azimuths in enumerate(value):
            if not azimuths.isfinite().all():
                raise ValueError(f"{self.key} of sample {sample} are {azimuths.tolist()}: give finite degrees.")

    def forward(self, value: Tensor | Sequence[Tensor], keep: Tensor) -> Conditioning:
        """Embeds azimuths: ``grouped [B, N, width]``; vectors beyond a sample's own views are never used."""
        degrees = value if isinstance(value, Tensor) else pad_sequence(list(value), batch_first=True)
        radians = degrees.remainder(360).float().deg2rad()  # 370 is then 10 to the last bit
        circle = torch.stack((radians.sin(), radians.cos()), -1)
        return Conditioning(grouped=self.layers(circle.to(next(self.layers.parameters()).dtype)))

    def example(self, count: int) -> Any:
        """Those of the trained views.

        Raises:
            ValueError: it was never connected to a modality.
        """
        if self._fields is None:
            raise ValueError("ViewAzimuths needs a modality of views: call connect() first.")
        return self._fields(count, {})[self.key]
