"""Base class of FID and KID: Inception features of generated and real pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from lumina.frozen.network import Frozen
from lumina.interfaces import DataModule
from lumina.metrics.inception import Features, Inception, to_uint8
from lumina.metrics.order import content_keys
from lumina.metrics.reference import Reference, read_reference, training_reference
from lumina.metrics.robust import RobustMetric
from lumina.values import Batch


class InceptionFeatures(RobustMetric):
    """Collects the features of all generated pictures, 8 kB each, and reads or computes the reference.

    Args:
        weights: torch-fidelity's ``weights-inception-2015-12-05-6726825d.pth``.
        reference: an npz file in ADM's format; None = the data's training split, measured once.
        cache: folder for the statistics of the training split.
    """

    full_state_update = False
    features: list[Tensor]
    keys: list[Tensor]

    def __init__(self, weights: Path, reference: Path | None, cache: Path) -> None:
        super().__init__()
        self.weights, self.reference, self.cache = Path(weights), reference and Path(reference), Path(cache)
        for state in ("features", "keys"):
            self.add_state(state, default=[], dist_reduce_fx="cat")
        self._network = Frozen(partial(Inception, self.weights))
        self._real: Reference | None = None

    @property
    def real(self) -> Reference:
        """Features and statistics of the real pictures; available after `prepare`."""
        assert self._real is not None
        return self._real

    @torch.inference_mode(False)
    def prepare(self, data: DataModule) -> None:
        """Loads Inception and the reference.

        Raises:
            FileNotFoundError: a file is missing; the message states where to download it.
        """
        if self._real is not None:
            return
        network = self._network.on(self.device)
        if self.reference is None:
            self._real = training_reference(data, network, self.weights, self.cache)
        else:
            self._real = read_reference(self.reference, network)

    def update(self, generated: Tensor | Sequence[Tensor], batch: Batch) -> None:
        """Adds pictures in [-1, 1], grey or RGB: ``[B, C, H, W]``, or a list of ``[C, H, W]`` of mixed sizes."""
        self.describe(generated)

    def describe(self, generated: Tensor | Sequence[Tensor]) -> Features:
        """Computes the features of pictures and stores those of ``pool_3``."""
        features: Features = self._network.on(self.device).describe(generated)
        self.features.append(features.pool)
        self.keys.append(content_keys(map(to_uint8, generated)).to(features.pool.device))
        return features

    def sorted_features(self) -> Tensor:
        """``pool_3`` features ``[N, 2048]`` in an order that does not depend on the order of arrival."""
        return dim_zero_cat(self.features)[dim_zero_cat(self.keys).argsort()]
