"""What FID and KID have in common: Inception's features of generated pictures, and of real ones."""

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
    """Keeps the features of all generated pictures, 8 kB each, and knows those of the real ones.

    Args:
        weights: torch-fidelity's ``weights-inception-2015-12-05-6726825d.pth``.
        reference: an npz file of ADM's; None = the data's training split, measured once.
        cache: folder that keeps what was measured.
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
        """The real pictures; known after `prepare`."""
        assert self._real is not None
        return self._real

    @torch.inference_mode(False)
    def prepare(self, data: DataModule) -> None:
        """Reads Inception and the reference.

        Raises:
            FileNotFoundError: a file is missing; the message says where it is published.
        """
        if self._real is not None:
            return
        network = self._network.on(self.device)
        if self.reference is None:
            self._real = training_reference(data, network, self.weights, self.cache)
        else:
            self._real = read_reference(self.reference, network)

    def update(self, generated: Tensor | Sequence[Tensor], batch: Batch) -> None:
        """Takes in pictures in [-1, 1], grey or RGB: ``[B, C, H, W]``, or a list of ``[C, H, W]`` of mixed sizes."""
        self.describe(generated)

    def describe(self, generated: Tensor | Sequence[Tensor]) -> Features:
        """The features of pictures, of which those for FID are kept."""
        found: Features = self._network.on(self.device).describe(generated)
        self.features.append(found.pool)
        self.keys.append(content_keys(map(to_uint8, generated)).to(found.pool.device))
        return found

    def sorted_features(self) -> Tensor:
        """``[N, 2048]`` in an order that does not depend on how the pictures arrived."""
        return dim_zero_cat(self.features)[dim_zero_cat(self.keys).argsort()]
