"""Which weights of a VAE are its decoder's."""

from __future__ import annotations

DECODER = {"decoder", "post_quant_conv", "synthesis"}


def decodes(name: str) -> bool:
    """Whether a weight of this name is the decoder's, so that the latents do not depend on it."""
    return not DECODER.isdisjoint(name.split("."))
