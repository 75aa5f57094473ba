"""Features and classes of the training sounds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lumina.data.arrays import Arrays, cached
from lumina.interfaces import DataModule
from lumina.metrics.audio.features import SoundFeatures
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
        names: of the classes.
        labels: ``[N]`` int64, the number of each one's class.
    """

    def __init__(self, features: Tensor, classes: Sequence[str]) -> None:
        self.features = features
        self.names = sorted(set(classes))
        self._numbers = {name: number for number, name in enumerate(self.names)}
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


class Pieces(NamedTuple):
    """Sounds, or parts of them, and the class of each.

    Attributes:
        sounds: ``[N_i]`` each.
        classes: a name for each.
    """

    sounds: Sequence[Tensor]
    classes: Sequence[str]


PiecesOf = Callable[[Batch], Pieces]


def real_sounds(data: DataModule, metric: SoundMetric, key: str, cache: Path, pieces: PiecesOf) -> RealSounds:
    """The sounds of the split ``"train"``, at most `LIMIT`, each once and without augmentation.

    Their features are cached in the folder ``cache``; the name there covers the metric, its network and the sounds.

    Args:
        data: the datamodule.
        metric: whose network listens to them.
        key: the field of the batch from which the classes follow.
        cache: the folder.
        pieces: what of a batch is listened to.
    """

    def compute() -> Arrays:
        features, classes = [], list[str]()
        for batch in real_batches(data, "train", LIMIT, "Real sounds"):
            found = pieces(batch)
            if found.sounds:
                features.append(metric.features.describe(found.sounds, metric.rate, metric.device).cpu())
                classes += found.classes
        return {"features": torch.cat(features or [torch.zeros(0, 1)]).numpy(), "classes": np.array(classes, np.str_)}

    owner = type(metric).__name__, metric.features.identity(metric.device), metric.rate
    stored = cached(cache, identity(data, "train", ("sound", "length", key), *owner), compute)
    return RealSounds(torch.from_numpy(stored["features"]), stored["classes"].tolist())


class RealSoundsMetric(SoundMetric):
    """Judges sounds by the training sounds.

    Args:
        features: the network.
        rate: of the generated and the real sounds, in Hz.
        key: field of the batch from which the classes of the training sounds follow.
        cache: folder for the features of the training sounds.
    """

    def __init__(self, features: SoundFeatures, rate: int, key: str, cache: Path) -> None:
        super().__init__(features, rate, needs=(key,))
        self.key, self.cache = key, Path(cache)
        self._known: RealSounds | None = None

    @abstractmethod
    def pieces(self, batch: Batch) -> Pieces:
        """What of a batch of training sounds is listened to."""

    @property
    def known(self) -> RealSounds:
        """The training sounds; available after `prepare`."""
        assert self._known is not None
        return self._known

    def prepare(self, data: DataModule) -> None:
        """Listens to the training sounds.

        Raises:
            FileNotFoundError: the network's weights are missing; the message says where to get them.
            ValueError: the data have another rate or not the fields.
        """
        super().prepare(data)
        if self._known is None:
            self._known = real_sounds(data, self, self.key, self.cache, self.pieces)
