"""Pictures cut into patches and put together again: a permutation, so noise and loss are the same in both forms.

A patch's features are (channel, row in the patch, column in the patch); patches stand in raster order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def cut(pictures: Tensor, side: int) -> Tensor:
    """Cuts ``[..., C, H, W]`` into patches ``[..., H / side * W / side, C * side ** 2]``."""
    cells = pictures.unflatten(-1, (-1, side)).unflatten(-3, (-1, side))  # ... C h p w p
    return cells.movedim((-4, -2), (-5, -4)).flatten(-3).flatten(-3, -2)


def put_together(patches: Tensor, rows: int, columns: int, side: int) -> Tensor:
    """The reverse of `cut`: ``[..., rows * columns, F]`` to ``[..., C, rows * side, columns * side]``."""
    cells = patches.unflatten(-2, (rows, columns)).unflatten(-1, (-1, side, side))  # ... h w C p p
    return cells.movedim((-5, -4), (-4, -2)).flatten(-2).flatten(-3, -2)


def raster(rows: int, columns: int, device: torch.device) -> Tensor:
    """Row and column of each patch, ``[rows * columns, 2]``."""
    row, column = torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij")
    return torch.stack((row, column), -1).flatten(0, 1)


def grid(size: Sequence[int], side: int, factor: int | None) -> tuple[int, int]:
    """Rows and columns of patches in pictures of a size.

    Args:
        size: height and width in pixels.
        side: of a patch, in pixels, or in latent cells.
        factor: pixels along a latent cell's side; None = the patches are of pixels.

    Raises:
        ValueError: the size cannot be cut into patches; names one that can.
    """
    (height, width), cell = size, side * (factor or 1)
    if height < 1 or width < 1 or height % cell or width % cell:
        fitting = [max(1, round(length / cell)) * cell for length in (height, width)]
        through = "" if factor is None else f" x VAE factor {factor}"
        raise ValueError(
            f"image size {height}x{width} must be a positive multiple of {cell} pixels on each side "
            f"(patch_size {side}{through}); {fitting[0]}x{fitting[1]} would fit."
        )
    return height // cell, width // cell


def check_shape(pictures: Tensor, channels: int, side: int) -> None:
    """Refuses pictures or latents ``[..., C, H, W]`` of other channels, or of sides that the patch does not divide.

    Raises:
        ValueError: says what is expected.
    """
    got, height, width = pictures.shape[-3:]
    if got != channels or height % side or width % side:
        raise ValueError(
            f"got pictures or latents of shape {(got, height, width)}, expected ({channels}, H, W) with H and W "
            f"multiples of {side}; set the modality's channels and patch_size to fit the data."
        )
