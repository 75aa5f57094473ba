"""Features of the real captioned pictures with which generated pictures are compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lumina.data.arrays import Arrays, cached
from lumina.interfaces import DataModule
from lumina.metrics.identity import identity
from lumina.metrics.image_features import SHA256, Lite0
from lumina.metrics.real_batches import real_batches, require_fields
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Split

LIMIT = 10_000  # pictures read of each split


@dataclass(frozen=True, slots=True)
class CaptionedPictures:
    """Features and captions of real pictures, shuffled.

    Attributes:
        features: ``[M, 1280]``.
        captions: M captions.
    """

    features: Tensor
    captions: list[str]


def real_pictures(data: DataModule, network: Lite0, cache: Path, key: str = "caption") -> CaptionedPictures:
    """The pictures of the splits ``"train"`` and ``"test"``, each once and without augmentation, shuffled.

    Their features are cached in the folder ``cache``. The cache key covers the network's input size and the pictures
    and captions (`lumina.metrics.identity`).

    Raises:
        ValueError: the data have no pictures or no captions.
    """
    parts = [_of_split(data, split, network, cache, key) for split in ("train", "test")]
    features = torch.cat([part.features for part in parts])
    captions = [caption for part in parts for caption in part.captions]
    order = torch.randperm(len(captions), generator=keyed_generator(Purpose.CHOICE))
    return CaptionedPictures(features[order], [captions[index] for index in order.tolist()])


def _of_split(data: DataModule, split: Split, network: Lite0, cache: Path, key: str) -> CaptionedPictures:
    require_fields(data, split, ("image", key), "CaptionQuality", "Evaluate on data with pictures and captions.")

    def compute() -> Arrays:
        features, captions = [], []
        for batch in real_batches(data, split, LIMIT, "Real pictures"):
            features.append(network.describe(batch["image"]).cpu())
            captions += batch[key]
        return {"features": torch.cat(features).numpy(), "captions": np.array(captions)}

    stored = cached(cache, identity(data, split, ("image", key), SHA256, network.size, key), compute)
    return CaptionedPictures(torch.from_numpy(stored["features"]), stored["captions"].tolist())
