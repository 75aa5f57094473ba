"""Captioned pictures of a source, halved until they are about as large as their crops."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from lumina.data.sources import Source, Wanted, caption_pool
from lumina.pictures.crops import Crops
from lumina.pictures.reading import halve, load_image
from lumina.values import Item


class Captioned(Dataset[Item]):
    """Samples of a source; ``image`` is a picture yet to be cropped to ``size``, ``caption`` is the whole pool.

    Args:
        source: the records.
        indices: those that belong to the data set.
        wanted: names of the fields.
        crops: the sizes.
        sizes: of each sample the index of its size among the crops'; None = by the picture itself.
    """

    def __init__(
        self,
        source: Source,
        indices: npt.NDArray[np.int64],
        wanted: Wanted,
        crops: Crops,
        sizes: npt.NDArray[np.int64] | None,
    ) -> None:
        self.source, self.indices, self.wanted, self.crops, self.sizes = source, indices, wanted, crops, sizes

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Item:
        record = int(self.indices[index])
        name = self.source.name(record)
        fields = self.source.fields(record)
        with self.source.blamed(record):
            captions = caption_pool(fields, self.wanted.captions)
        with self.source.open(record) as file:
            image = load_image(file, self.source.where(record))
        number = self.crops.of((image.height, image.width), name) if self.sizes is None else int(self.sizes[index])
        size = self.crops.sizes[number]
        return {
            "image": halve(image, size),
            "caption": captions,
            "name": name,
            "size": torch.tensor(size),
        }
