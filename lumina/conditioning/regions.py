"""Regional captions: several captions on one canvas, one per region."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lumina.values import Conditioning, Tokens, real


def compose(parts: Sequence[Conditioning], tokens: Tokens, grid: tuple[int, int]) -> Conditioning:
    """Builds the condition of a canvas that is divided into ``rows x columns`` regions with one caption each.

    A token cross-attends only to the caption of its region. The pooled text covers all captions, and self-attention
    connects the regions (compositional generation in Lumina-Next's release). No training is needed.

    Args:
        parts: ``rows * columns`` text conditions of B samples, row by row.
        tokens: the canvas; regions follow from relative positions on the last two axes, so sizes may differ by sample.
        grid: (rows, columns).

    Raises:
        ValueError: the numbers of parts and regions differ, a part has conditions other than text, or the tokens have
            fewer than two position axes.
    """
    rows, columns = grid
    if len(parts) != rows * columns or not parts:
        raise ValueError(f"a grid of {rows} x {columns} regions needs {rows * columns} captions, got {len(parts)}.")
    texts = [part.cross for part in parts if part.cross is not None and not _others(part)]
    if len(texts) < len(parts):
        raise ValueError("only captions can be composed by region, but a part has no text, or other conditions too.")
    if tokens.positions.shape[-1] < 2:
        raise ValueError(f"regions need tokens on at least 2 axes, got {tokens.positions.shape[-1]}.")
    masks = [real(text, part.cross_mask) for text, part in zip(texts, parts, strict=True)]
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
    """Index ``[B, L]`` of each token's band if an axis is divided into ``count`` equal bands; arbitrary at padding."""
    positions = tokens.positions[..., axis]
    if tokens.mask is not None:
        positions = positions.masked_fill(~tokens.mask, 0)
    length = positions.amax(1, keepdim=True) + 1
    return (positions * count / length).long()
