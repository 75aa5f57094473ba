"""Several captions on one canvas, each for its own region."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lumina.values import Conditioning, Tokens


def compose(parts: Sequence[Conditioning], tokens: Tokens, grid: tuple[int, int]) -> Conditioning:
    """One condition for a canvas cut into ``rows x columns`` regions, each with the caption of one part.

    A token attends to the caption of its own region alone, while pooled text is that of all captions together and
    self-attention joins the regions (the compositional generation of Lumina-Next's release). It needs no training.

    Args:
        parts: text conditions of B samples, row by row, ``rows * columns`` of them.
        tokens: the canvas; regions go by relative position on its last two axes, so each sample may have its own size.
        grid: (rows, columns).

    Raises:
        ValueError: if there are not as many parts as regions, if a part holds anything but text, or for tokens on fewer
            than two axes.
    """
    rows, columns = grid
    if len(parts) != rows * columns or not parts:
        raise ValueError(f"a grid of {rows} x {columns} regions needs {rows * columns} captions, got {len(parts)}.")
    texts = [part.cross for part in parts if part.cross is not None and not _others(part)]
    if len(texts) < len(parts):
        raise ValueError("only captions can be composed by region, but a part holds no text, or other conditions too.")
    if tokens.positions.shape[-1] < 2:
        raise ValueError(f"regions need tokens on at least 2 axes, got {tokens.positions.shape[-1]}.")
    masks = [_real(text, part.cross_mask) for text, part in zip(texts, parts, strict=True)]
    numbers = torch.repeat_interleave(torch.arange(len(texts)), torch.tensor([text.shape[1] for text in texts]))
    regions = _band(tokens, -2, rows) * columns + _band(tokens, -1, columns)
    return Conditioning(
        cross=torch.cat(texts, 1),
        cross_mask=torch.cat(masks, 1),
        regions=regions,
        cross_regions=numbers.to(regions.device).expand(len(texts[0]), -1),
    )


def _others(part: Conditioning) -> bool:
    return any(other is not None for other in (part.pooled, part.grouped, part.prefix))


def _band(tokens: Tokens, axis: int, count: int) -> Tensor:
    """Which of ``count`` equal bands along an axis each token lies in, ``[B, L]``; padding lies in any."""
    places = tokens.positions[..., axis]
    if tokens.mask is not None:
        places = places.masked_fill(~tokens.mask, 0)
    length = places.amax(1, keepdim=True) + 1
    return (places * count / length).long()


def _real(text: Tensor, mask: Tensor | None) -> Tensor:
    return torch.ones(text.shape[:2], dtype=torch.bool, device=text.device) if mask is None else mask
