"""Bug in timm 1.0: at its largest magnitude RandAugment posterizes to 0 bits, which Pillow 12 refuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image


def keep_a_bit(operations: Any) -> None:
    """Makes the posterize operations of timm's ``rand_augment_transform`` keep at least one bit."""
    for operation in operations.ops:
        if operation.name.startswith("Posterize"):
            operation.aug_fn = partial(_posterize, operation.aug_fn)


def _posterize(posterize: Callable[..., Image.Image], image: Image.Image, bits: int, **options: Any) -> Image.Image:
    return posterize(image, max(bits, 1), **options)
