"""Text features in the layout of the blocks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.backbone.layout import Layout, counts, real_indices
from lumina.backbone.varlen import Pairs, Segments
from lumina.values import Conditioning


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text features, padded or packed like the tokens that attend to them.

    Attributes:
        features: ``[B, S, C]``, or packed ``[1, M, C]`` without padding.
        mask: ``[B, S]``, True = may be attended to; None = no padding, or packed. The row of a text without tokens is
            True throughout, because a softmax over nothing is undefined on some devices.
        empty: ``[B, 1, 1, 1]``, True for texts without tokens, whose attention output is set to zero; None = there are
            no such texts.
        pairs: segments of tokens and of texts; None = not packed.
    """

    features: Tensor
    mask: Tensor | None = None
    empty: Tensor | None = None
    pairs: Pairs | None = None

    @classmethod
    def of(cls, cond: Conditioning, layout: Layout) -> Text | None:
        """Packs the text if the tokens are packed or have regional texts; None if there is no text.

        Args:
            cond: contains the text and its regions.
            layout: of the tokens.

        Raises:
            ValueError: the regions do not match the tokens.
        """
        if cond.cross is None:
            return None
        if cond.regions is not None and cond.cross_regions is not None:
            return _by_region(cond.cross, cond.cross_mask, cond.regions, cond.cross_regions, layout)
        features, size = cond.cross, cond.cross.shape[1]
        lengths = counts(features, cond.cross_mask, cond.cross_lengths)
        mask = None if min(lengths) == size else cond.cross_mask
        if layout.pairs is not None:
            real = features.flatten(0, 1)
            return cls(
                features=(real if mask is None else real[real_indices(mask, sum(lengths))])[None],
                pairs=Pairs(queries=layout.pairs.queries, keys=Segments.of(lengths, features.device)),
            )
        if mask is None or min(lengths):
            return cls(features=features, mask=mask)
        empty = ~mask.any(1, keepdim=True)
        return cls(features=features, mask=mask | empty, empty=empty[:, :, None, None])


def _by_region(features: Tensor, mask: Tensor | None, regions: Tensor, text_regions: Tensor, layout: Layout) -> Text:
    """Makes each (sample, region) a segment of tokens that attends to a segment of text."""
    if regions.shape != layout.shape:
        raise ValueError(
            f"got regions for {tuple(regions.shape)} tokens, but there are {layout.shape}; regions cannot be combined "
            "with line_tokens or a prefix, which add tokens."
        )
    batch, size = features.shape[:2]
    count = 1 + int(max(regions.max(), text_regions.max()))
    owners = torch.arange(batch, device=features.device).unsqueeze(-1).expand(-1, size) * count + text_regions
    real = torch.ones_like(owners, dtype=torch.bool) if mask is None else mask
    keys, text_order = _sorted(owners[real], batch * count)
    queries, order = _sorted(layout.samples(regions.device) * count + layout.pack(regions).flatten(), batch * count)
    return Text(features=features[real][text_order][None], pairs=Pairs(queries=queries, keys=keys, order=order))


def _sorted(owners: Tensor, count: int) -> tuple[Segments, Tensor]:
    """Segments of equal ``owners [N]`` after sorting, and the sorting permutation."""
    return Segments.of(owners.bincount(minlength=count).tolist(), owners.device), owners.argsort(stable=True)
