"""The one backbone: Next-DiT, with Flag-DiT and SiT as configurations of the same code."""

from lumina.backbone.config import NextDiTConfig
from lumina.backbone.next_dit import NextDiT

__all__ = ["NextDiT", "NextDiTConfig"]
