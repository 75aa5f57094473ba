"""Flag-DiT's [nextline] and [nextframe]: learned tokens that close each row and each frame of a raster."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lumina.values import Tokens


class LineTokens(nn.Module):
    """Puts the closing tokens in and takes them out again.

    The last position axis runs along a row and the one before it counts rows; a third, in front, counts frames.
    Tokens must stand in raster order.

    Args:
        dim: D.
        frames: whether there is a frame axis, and so a [nextframe].
    """

    def __init__(self, dim: int, frames: bool) -> None:
        super().__init__()
        self.next_line = nn.Parameter(torch.randn(dim) * 0.02)
        self.next_frame = nn.Parameter(torch.randn(dim) * 0.02) if frames else None

    def insert(self, x: Tensor, tokens: Tokens) -> tuple[Tensor, Tokens, Tensor]:
        """Closes each row, and after its last row each frame.

        Args:
            x: ``[B, L, D]`` embedded tokens.
            tokens: their places.

        Returns:
            the longer sequence ``[B, L', D]``; its places, positions being indices ``[B, L', 1]``; and where each
            original token went, ``[B, L]``, padding to L'.
        """
        real = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) if tokens.mask is None else tokens.mask
        line_end = real & _changes(tokens.positions[..., :-1], real)
        extra = line_end.long()
        if self.next_frame is not None:
            extra = extra + (real & _changes(tokens.positions[..., :-2], real)).long()
        places = torch.arange(x.shape[1], device=x.device) + extra.cumsum(1) - extra
        lengths = (real.long() + extra).sum(1)
        size = int(lengths.max())
        places = torch.where(real, places, size)
        index = torch.arange(size, device=x.device).expand(x.shape[0], -1)
        source = (torch.searchsorted(places, index.contiguous(), right=True) - 1).clamp(min=0)
        behind = (index - places.gather(1, source)).unsqueeze(-1)
        longer = torch.where(behind == 1, self.next_line.type_as(x), _take(x, source))
        if self.next_frame is not None:
            longer = torch.where(behind == 2, self.next_frame.type_as(x), longer)
        inserted = Tokens(
            features=longer,
            positions=index.unsqueeze(-1),
            mask=index < lengths.unsqueeze(1),  # rows of unequal length need it even where nothing was padding
            groups=None if tokens.groups is None else tokens.groups.gather(1, source),
        )
        return longer, inserted, places


def _changes(positions: Tensor, real: Tensor) -> Tensor:
    """Where a token is the last before another row (or frame), or the last of all, ``[B, L]``."""
    following = torch.cat((positions[:, 1:], positions[:, -1:] + 1), 1)
    last = real & ~torch.cat((real[:, 1:], torch.zeros_like(real[:, :1])), 1)
    return (following != positions).any(-1) | last


def _take(x: Tensor, source: Tensor) -> Tensor:
    return x.gather(1, source.unsqueeze(-1).expand(-1, -1, x.shape[-1]))
