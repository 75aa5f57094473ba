"""Silhouettes of pictures on a known background."""

from __future__ import annotations

from torch import Tensor

from lumina.pictures.background import Colour

THRESHOLD = 0.1
"""Difference of a channel from the background, of the range, above which a pixel is the object's."""


def foreground(pictures: Tensor, background: Colour, threshold: float = THRESHOLD) -> Tensor:
    """Silhouettes ``[N, H, W]`` bool of pictures ``[N, 3, H, W]`` in [0, 1] without alpha.

    A pixel is the object's if one of its channels differs from the background by more than the threshold. So parts of
    an object that have the background's colour are missing, in generated and in true pictures alike.
    """
    return (pictures - pictures.new_tensor(background).view(3, 1, 1)).abs().amax(1) > threshold
