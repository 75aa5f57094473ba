"""Labelled pictures of a source, as they are in their files."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from lumina.data.sources import Source
from lumina.data.sources.labels import UNLABELLED, Numbers
from lumina.errors import CorruptSample
from lumina.pictures.reading import load_image
from lumina.values import Item


class Pictures(Dataset[Item]):
    """Pictures of a source as they are in their files.

    Args:
        source: the records.
        chosen: ``[N]``, those that belong to the data set.
        numbers: ``[N]``, of each record's class; None = without labels.
        train: whether they are for training.
    """

    def __init__(
        self, source: Source, chosen: npt.NDArray[np.bool_], numbers: Numbers | None = None, train: bool = False
    ) -> None:
        self.source, self.numbers, self.train = source, numbers, train
        self.indices = chosen.nonzero()[0]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Item:
        record = int(self.indices[index])
        item: Item = {"name": self.source.name(record)}
        if self.numbers is not None:
            item["label"] = int(self.numbers[record])
            if item["label"] == UNLABELLED:
                raise CorruptSample(self.source.where(record), "it has no label")
        with self.source.open(record) as file:
            return {**item, "image": load_image(file, self.source.where(record))}
