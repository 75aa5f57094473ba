"""Feed-forward networks of the blocks."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import gelu, silu

from lumina.backbone.config import NextDiTConfig
from lumina.backbone.initialisation import xavier


class SwiGLU(nn.Module):
    """``w2(silu(w1 x) * w3 x)`` (Shazeer, 2020); parameter names are those of the released weights.

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        super().__init__()
        self.w1 = nn.Linear(config.dim, config.hidden_dim, bias=config.bias)
        self.w2 = nn.Linear(config.hidden_dim, config.dim, bias=config.bias)
        self.w3 = nn.Linear(config.dim, config.hidden_dim, bias=config.bias)
        xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``x [..., D]`` to ``[..., D]``."""
        return self.w2(silu(self.w1(x)) * self.w3(x))


class GELUFeedForward(nn.Module):
    """``w2(gelu(w1 x))`` with the tanh approximation of GELU (DiT, SiT).

    Args:
        config: the backbone's.
    """

    def __init__(self, config: NextDiTConfig) -> None:
        super().__init__()
        self.w1 = nn.Linear(config.dim, config.hidden_dim, bias=config.bias)
        self.w2 = nn.Linear(config.hidden_dim, config.dim, bias=config.bias)
        xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``x [..., D]`` to ``[..., D]``."""
        return self.w2(gelu(self.w1(x), approximate="tanh"))
