"""Curves over time, such as those of a sensor: a made-up modality with wishes and a condition of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lumina.interfaces import Conditioner, Modality
from lumina.pictures.sheet import contact_sheet
from lumina.values import Batch, Conditioning, Known, Route, Shown, Start, Tokens, Wish


def parse_length(length: int) -> int:
    """A number of values.

    Raises:
        ValueError: there is none.
    """
    if length < 1:
        raise ValueError(f"length={length} must be at least 1.")
    return length


def parse_opening(text: str) -> tuple[float, ...]:
    """Numbers between commas.

    Raises:
        ValueError: one of them is no number.
    """
    return tuple(float(number) for number in text.split(","))


class Curves(Modality):
    """Each value of a curve is a token; its place is its time.

    Args:
        length: values of a curve in training.
    """

    batch_keys: ClassVar[tuple[str, ...]] = ("curve",)
    wishes: ClassVar[tuple[Wish, ...]] = (
        Wish(name="length", type=int, form="N", help="values of each curve", parse=parse_length),
        Wish(
            name="opening",
            type=str,
            help="values that curves begin with",
            parse=parse_opening,
            show=list,
        ),
    )
    token_dim = 1
    position_axes = 1

    def __init__(self, length: int = 12) -> None:
        super().__init__()
        self.length = length

    @classmethod
    def check_request(cls, request: Mapping[str, Any]) -> None:
        """Refuses an opening that is longer than its curve."""
        length = request.get("length")
        if length is not None and len(request.get("opening", ())) > length:
            raise ValueError(f"the opening is longer than length={length}.")

    def compress(self, batch: Batch) -> Tensor:
        """The curves themselves, ``[B, L]``."""
        curves: Tensor = batch["curve"]
        return curves

    def tokenize(self, latent: Tensor, batch: Batch) -> Tokens:
        """A token a value."""
        positions = torch.arange(latent.shape[1], device=latent.device)[None, :, None]
        return Tokens(features=latent[..., None], positions=positions.expand(len(latent), -1, -1))

    def decode(self, outputs: Tokens, batch: Batch) -> Tensor:
        """``[B, L]``."""
        return outputs.features[..., 0]

    def layout(self, count: int, request: Mapping[str, Any]) -> Tokens:
        """Curves of ``request["length"]`` values."""
        return self.tokenize(torch.zeros(count, request.get("length", self.length)), {})

    def start(self, request: Mapping[str, Any], device: torch.device) -> Start | None:
        """The opening, which stays."""
        if "opening" not in request:
            return None
        canvas, opening = self.layout(1, request), torch.tensor(request["opening"])
        if len(opening) > canvas.features.shape[1]:
            raise ValueError(f"the opening has {len(opening)} values, but the curve {canvas.features.shape[1]}.")
        features, kept = canvas.features.clone(), torch.zeros_like(canvas.features, dtype=torch.bool)
        features[0, : len(opening), 0], kept[0, : len(opening)] = opening, True
        return Start(known=Known(features=features.to(device), keep_mask=kept.to(device)))

    def example_batch(self, count: int) -> Batch:
        """Random curves."""
        return {"curve": torch.randn(count, self.length)}

    def picture(self, samples: Sequence[Tensor], captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """A row of grey values a curve."""
        return contact_sheet([curve.clamp(-1, 1).expand(3, 8, -1) for curve in samples], captions=captions)

    def save(
        self,
        samples: Sequence[Tensor],
        folder: Path,
        numbers: Sequence[int],
        texts: Sequence[Mapping[str, str]] = (),
        batch: Batch | None = None,
    ) -> list[Path]:
        """A text file a curve."""
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{number:05d}.txt" for number in numbers]
        for file, curve in zip(files, samples, strict=True):
            file.write_text("\n".join(map(str, curve.tolist())))
        return files

    def shown(self, file: Path, text: str = "") -> Shown:
        """A line."""
        values = [float(line) for line in file.read_text().splitlines()]
        points = " ".join(f"{place},{-value:.3f}" for place, value in enumerate(values))
        line = f'<svg class="curve" viewBox="0 -2 {len(values)} 4"><polyline points="{points}"/></svg>'
        return Shown(html=line, note=f"{len(values)} values", style=".curve { fill: none; stroke: #06c; }")


class Pitch(Conditioner):
    """How fast a curve swings, added to the time embedding."""

    route: ClassVar[Route] = "pooled"
    wish: ClassVar[Wish] = Wish(name="pitch", type=float, several=True, help="swings of each curve; any if left out")

    def __init__(self, dropout: float = 0.2, key: str = "pitch") -> None:
        super().__init__()
        self.dropout, self.key, self.dim = dropout, key, 0

    def build(self, width: int) -> None:
        """A line, and a vector for "any"."""
        self.line, self.any = nn.Linear(1, width), nn.Parameter(torch.zeros(width))

    def forward(self, value: Tensor, keep: Tensor) -> Conditioning:
        """``value [B]`` to ``pooled [B, width]``."""
        return Conditioning(pooled=torch.where(keep[:, None], self.line(value[:, None]), self.any))

    def gather(self, values: Sequence[float]) -> Tensor:
        """``[B]``."""
        return torch.tensor(values)

    def words(self, value: Tensor) -> list[str]:
        """So many swings."""
        return [f"{swings:g} swings" for swings in value.tolist()]

    def example(self, count: int) -> Tensor:
        """From 0 to 1."""
        return torch.rand(count)
