"""Flag-DiT's [nextline] and [nextframe]: learned tokens after each row and each frame of a raster."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lumina.values import Tokens


class LineTokens(nn.Module):
    """Inserts the line tokens into a sequence.

    The last position axis runs along a row, the one before it counts rows, and an optional third one before that
    counts frames. Tokens must be in raster order. The tokens are initialised from N(0, 0.02^2).

    Args:
        dim: D.
        frames: whether there is a frame axis and thus a [nextframe] token.
    """

    def __init__(self, dim: int, frames: bool) -> None:
        super().__init__()
        self.next_line = nn.Parameter(torch.randn(dim) * 0.02)
        self.next_frame = nn.Parameter(torch.randn(dim) * 0.02) if frames else None

    def insert(self, x: Tensor, tokens: Tokens) -> tuple[Tensor, Tokens, Tensor]:
        """Adds a token after each row and, after its last row, another one after each frame.

        Args:
            x: ``[B, L, D]`` embedded tokens.
            tokens: their positions, mask and groups.

        Returns:
            The longer sequence ``[B, L', D]``; its `Tokens`, with indices as positions ``[B, L', 1]``; and the new
            index ``[B, L]`` of each original token, which is L' for padding.
        """
        real = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) if tokens.mask is None else tokens.mask
        line_end = real & _changes(tokens.positions[..., :-1], real)
        extra = line_end.long()
        if self.next_frame is not None:
            extra = extra + (real & _changes(tokens.positions[..., :-2], real)).long()
        indices = torch.arange(x.shape[1], device=x.device) + extra.cumsum(1) - extra
        lengths = (real.long() + extra).sum(1)
        size = int(lengths.max())
        indices = torch.where(real, indices, size)
        index = torch.arange(size, device=x.device).expand(x.shape[0], -1)
        source = (torch.searchsorted(indices, index.contiguous(), right=True) - 1).clamp(min=0)
        offset = (index - indices.gather(1, source)).unsqueeze(-1)
        longer = torch.where(offset == 1, self.next_line.type_as(x), _take(x, source))
        if self.next_frame is not None:
            longer = torch.where(offset == 2, self.next_frame.type_as(x), longer)
        inserted = Tokens(
            features=longer,
            positions=index.unsqueeze(-1),
            mask=index < lengths.unsqueeze(1),  # needed even without padding: grids of equal size may differ in rows
            groups=None if tokens.groups is None else tokens.groups.gather(1, source),
        )
        return longer, inserted, indices


def _changes(positions: Tensor, real: Tensor) -> Tensor:
    """True at the last token of each row (or frame) and at the last token of the sample, ``[B, L]``."""
    following = torch.cat((positions[:, 1:], positions[:, -1:] + 1), 1)
    last = real & ~torch.cat((real[:, 1:], torch.zeros_like(real[:, :1])), 1)
    return (following != positions).any(-1) | last


def _take(x: Tensor, source: Tensor) -> Tensor:
    return x.gather(1, source.unsqueeze(-1).expand(-1, -1, x.shape[-1]))
