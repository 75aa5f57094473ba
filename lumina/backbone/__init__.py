"""The backbone: Next-DiT; Flag-DiT and SiT are configurations of the same code."""

from lumina.backbone.config import NextDiTConfig
from lumina.backbone.next_dit import NextDiT

__all__ = ["NextDiT", "NextDiTConfig"]
