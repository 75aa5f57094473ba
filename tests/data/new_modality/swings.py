"""Sine curves of random pitch."""

from __future__ import annotations

import torch
from torch.utils.data import Dataset

from lumina.data.datamodule import SplitDataModule
from lumina.values import Item, Split

SIZES = {"train": 64, "validation": 12, "test": 10}


class Swing(Dataset[Item]):
    """Curves one by one.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Item:
        pitch = 1 + index % 3
        return {"curve": torch.sin(torch.arange(12) * pitch * 0.5), "pitch": torch.tensor(float(pitch))}


class Swings(SplitDataModule):
    """Fields: ``curve`` ``[B, 12]``, ``pitch`` ``[B]``."""

    batch_keys: tuple[str, ...] = ("curve", "pitch")

    def dataset(self, split: Split) -> Swing:
        """The curves of a split."""
        return Swing(SIZES[split])
