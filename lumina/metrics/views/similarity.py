"""How near pictures are to the true ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

LEAST_ERROR = 1 / (12 * 255**2)
"""Mean squared error that rounding to 8 bits makes, that of equal pictures: 58.9 dB. One that differs by less is no
nearer to the truth, and a greater PSNR of a few equal views would outweigh all others in a mean."""
MEASURES = ("psnr", "psnr_in_mask", "ssim", "ssim_in_mask")


def similarity(pictures: Tensor, true: Tensor, masks: Tensor) -> Tensor:
    """The `MEASURES` ``[N, 4]`` of each picture; NaN in an empty mask.

    Args:
        pictures: ``[N, 3, H, W]`` in [0, 1].
        true: ``[N, 3, H, W]`` in [0, 1].
        masks: ``[N, H, W]`` bool, the true silhouettes.
    """
    errors = (pictures - true).double().square().mean(1)
    # torchmetrics takes the range from the data unless told, and then a pale picture scores worse than a dark one
    ssim, everywhere = structural_similarity_index_measure(
        pictures, true, data_range=1.0, reduction="none", return_full_image=True
    )
    inside = _mean_in(everywhere.double().mean(1), masks)
    whole = ssim.double().reshape(len(pictures))  # torchmetrics returns a scalar for one picture
    return torch.stack((psnr(errors.mean((1, 2))), psnr(_mean_in(errors, masks)), whole, inside), 1)


def psnr(error: Tensor) -> Tensor:
    """PSNR in dB of mean squared errors of values in [0, 1]."""
    return -10 * error.clamp_min(LEAST_ERROR).log10()


def psnr_in_mask(pictures: Tensor, true: Tensor, masks: Tensor) -> Tensor:
    """PSNR ``[N]`` of the pixels inside the masks, as in `similarity`."""
    return psnr(_mean_in((pictures - true).double().square().mean(1), masks))


def _mean_in(values: Tensor, masks: Tensor) -> Tensor:
    """Mean ``[N]`` of ``values [N, H, W]`` inside the masks; NaN if there is nothing."""
    return (values * masks).sum((1, 2)) / masks.sum((1, 2))
