"""Features and classes of the training sounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lumina.data.arrays import Arrays, cached
from lumina.interfaces import DataModule
from lumina.metrics.audio.nearest import Nearest, nearest_other
from lumina.metrics.audio.probe import Probe
from lumina.metrics.audio.sound_metric import SoundMetric
from lumina.metrics.identity import identity
from lumina.metrics.real_batches import real_batches
from lumina.values import Batch

LIMIT = 5000  # sounds read


class RealSounds:
    """Training sounds, by which others are judged.

    Args:
        features: ``[N, D]``.
        classes: N names of classes.

    Attributes:
        features: ``[N, D]``.
        labels: ``[N]`` int64, the numbers of the classes.
    """

    def __init__(self, features: Tensor, classes: Sequence[str]) -> None:
        self.features = features
        self._numbers = {name: number for number, name in enumerate(sorted(set(classes)))}
        self.labels = self.numbers(classes)

    def numbers(self, classes: Sequence[str]) -> Tensor:
        """Numbers ``[B]`` int64 of classes by their names; -1 for one without a training sound."""
        return torch.tensor([self._numbers.get(name, -1) for name in classes], dtype=torch.int64)

    @cached_property
    def among(self) -> Nearest:
        """The nearest neighbour of each among the others."""
        return nearest_other(self.features)

    @cached_property
    def probe(self) -> Probe:
        """A classifier trained on them.

        Raises:
            ValueError: there is one class only.
        """
        return Probe(self.features, self.labels)


def real_sounds(data: DataModule, metric: SoundMetric, key: str, cache: Path) -> RealSounds:
    """The sounds of the split ``"train"``, each once and without augmentation, at most `LIMIT`.

    Their features are cached in the folder ``cache``; the name there covers the network and the sounds.

    Args:
        data: the datamodule.
        metric: that listens to them.
        key: as for `classes_of`.
        cache: the folder.
    """

    def compute() -> Arrays:
        features, classes = [], list[str]()
        for batch in real_batches(data, "train", LIMIT, "Real sounds"):
            features.append(metric.describe(batch["sound"], batch).cpu())
            classes += classes_of(batch, key)
        return {"features": torch.cat(features).numpy(), "classes": np.array(classes)}

    name = identity(data, "train", ("sound", "length", key), metric.features.identity(metric.device), metric.rate)
    stored = cached(cache, name, compute)
    return RealSounds(torch.from_numpy(stored["features"]), stored["classes"].tolist())


def classes_of(batch: Batch, key: str) -> list[str]:
    """The class of each sample, as text.

    Args:
        batch: with a field ``key``.
        key: ``name`` = what the file's name begins with, as ``drum`` of ``drum_snare-hard.flac``; any other field = its
            value.
    """
    values: Sequence[object] = batch[key].tolist() if isinstance(batch[key], Tensor) else batch[key]
    return [_beginning(str(value)) if key == "name" else str(value) for value in values]


def _beginning(name: str) -> str:
    return re.split(r"[\W_]", Path(name).name.lstrip("_"), maxsplit=1)[0]
