"""DeiT's augmentation (Touvron et al., 2021), from timm, for single pictures and for batches."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from PIL import Image
from torch import Generator, Tensor

from lumina.errors import importing
from lumina.pictures.reading import random_flip, to_tensor
from lumina.randomness import seeded
from lumina.workarounds.posterize import keep_a_bit

GREY = (128, 128, 128)
"""Fill colour for the areas that a rotation or translation leaves empty: the middle of [-1, 1]."""


class DeiTAugmentation:
    """Augments one picture of any size: RandAugment, horizontal flip, random erasing.

    Args:
        rand_augment: RandAugment policy in timm's notation; None = no RandAugment.
        flip: flip half of the pictures horizontally.
        erasing: probability that a rectangle is overwritten with noise.

    Raises:
        ImportError: timm is not installed.
        ValueError: ``erasing`` is not a probability, or timm cannot parse ``rand_augment``.
    """

    def __init__(
        self, rand_augment: str | None = "rand-m9-mstd0.5-inc1", flip: bool = True, erasing: float = 0.25
    ) -> None:
        erase = _timm("random_erasing").RandomErasing
        if not 0 <= erasing <= 1:
            raise ValueError(f"Got erasing {erasing}: set a probability from 0 to 1.")
        self.flip = flip
        self.operations = None if rand_augment is None else _rand_augment(rand_augment)
        self.erase = erase(erasing, mode="pixel", device="cpu")

    def apply(self, image: Image.Image, generator: Generator) -> Tensor:
        """Augments an RGB picture of H by W pixels; returns ``[3, H, W]`` in [-1, 1] except for the erasing noise."""
        with seeded(generator):
            varied = image if self.operations is None else self.operations(image)
            tensor = to_tensor(varied)
            return self.erase(random_flip(tensor, generator) if self.flip else tensor)


class Mixing:
    """Mixes the pictures of a batch, and their labels, by mixup (Zhang et al., 2018) or CutMix (Yun et al., 2019).

    Args:
        mixup: alpha of mixup's Beta distribution; 0 = no mixup.
        cutmix: alpha of CutMix's Beta distribution; 0 = no CutMix.
        switch: probability of CutMix instead of mixup if both are enabled.
        probability: share of batches that are mixed.

    Raises:
        ImportError: timm is not installed.
        ValueError: an argument is out of its range.
    """

    def __init__(self, mixup: float = 0.8, cutmix: float = 1.0, switch: float = 0.5, probability: float = 1.0) -> None:
        self.options = {"mixup_alpha": mixup, "cutmix_alpha": cutmix, "switch_prob": switch, "prob": probability}
        self.mix = _timm("mixup").Mixup
        if min(mixup, cutmix) < 0 or not mixup + cutmix > 0 or not (0 <= switch <= 1 and 0 <= probability <= 1):
            raise ValueError(
                f"Got mixup {mixup}, cutmix {cutmix}, switch {switch}, probability {probability}: set two alphas, not "
                "both 0, and two probabilities from 0 to 1."
            )

    def apply(self, image: Tensor, label: Tensor, num_classes: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Mixes the pictures and their labels.

        Args:
            image: ``[B, C, H, W]`` with even B.
            label: ``[B]`` int64.
            num_classes: K.
            generator: source of all randomness, on the CPU.

        Returns:
            The mixed pictures ``[B, C, H, W]`` and the soft labels ``[B, K]`` float32, whose rows sum to 1.
        """
        with seeded(generator):
            mixed, target = self.mix(**self.options, label_smoothing=0.0, num_classes=num_classes)(image.clone(), label)
        return mixed, target.float()


def _timm(module: str) -> Any:
    with importing("timm", "DeiT's augmentation"):
        imported = import_module(f"timm.data.{module}")
    return imported


def _rand_augment(policy: str) -> Any:
    make = _timm("auto_augment").rand_augment_transform
    try:
        operations = make(policy, {"img_mean": GREY, "interpolation": Image.Resampling.BICUBIC})
    except (AssertionError, ValueError) as error:
        raise ValueError(f"Got rand_augment {policy!r}: use timm's notation, such as rand-m9-mstd0.5-inc1.") from error
    keep_a_bit(operations)
    return operations
