"""Handwritten digits that come with scikit-learn: real data that needs no download."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from lumina.data.datamodule import SplitDataModule
from lumina.interfaces import Items
from lumina.pictures.reading import LabelledImages
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Split

HELD_OUT = 50
"""Digits of each class that are kept from training."""


class Digits(SplitDataModule):
    """The 1,797 digits of 8x8 pixels from UCI's optical recognition set.

    500 are held out, 50 of each class, whatever the seed: they are the splits ``"validation"`` and ``"test"``, in the
    order 0, 1, ..., 9, 0, 1, ..., so that every beginning is balanced. 1,297 are for training.

    Fields: ``image`` ``[B, 1, 8, 8]`` float32 in [-1, 1]; ``label`` ``[B]`` int64.
    """

    batch_keys: tuple[str, ...] = ("image", "label")
    size = (8, 8)
    label_names: tuple[str, ...] = tuple("0123456789")

    def dataset(self, split: Split) -> Items:
        """The digits for training, or those held out."""
        digits = load_digits()
        images = torch.tensor(digits.images, dtype=torch.uint8)[:, None]
        labels = torch.tensor(digits.target, dtype=torch.int64)
        held_out = _held_out(labels)
        chosen = held_out
        if split == "train":
            free = torch.ones(len(labels), dtype=torch.bool)
            free[held_out] = False
            chosen = free.nonzero().squeeze(1)
        return LabelledImages(images[chosen], labels[chosen], white=16)


def _held_out(labels: Tensor) -> Tensor:
    """``[500]`` indices, one of each class in turn."""
    generator = keyed_generator(Purpose.HOLDOUT)
    classes = [(labels == name).nonzero().squeeze(1) for name in range(len(Digits.label_names))]
    chosen = [members[torch.randperm(len(members), generator=generator)[:HELD_OUT]] for members in classes]
    return torch.stack(chosen, dim=1).flatten()
