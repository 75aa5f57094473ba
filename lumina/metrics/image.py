"""FID and its kin: quality of generated pictures by the protocol of ImageNet's tables."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import partial, reduce
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from lumina.data import DataModule
from lumina.frozen import Frozen
from lumina.interfaces import Batch
from lumina.metrics.frechet import Moments, frechet_from_gaussians
from lumina.metrics.inception import SPATIAL, Inception, to_uint8
from lumina.metrics.inception_score import inception_score
from lumina.metrics.order import content_keys
from lumina.metrics.precision_recall import precision_recall
from lumina.metrics.reference import Reference, read_reference, training_reference
from lumina.metrics.sample_metric import SampleMetric
from lumina.randomness import Purpose, keyed_generator

SUMMED_AT_ONCE = 4096


class InceptionMetrics(SampleMetric):
    """FID, sFID, Inception Score, precision and recall as ADM's evaluator takes them, in Inception's features.

    * ``fid``: Frechet distance of the ``pool_3`` features.
    * ``sfid``: of the first 7 channels of ``mixed_6/conv``; where the reference has their statistics.
    * ``inception_score``: without the logits' bias, mean of blocks of 5,000, into which pictures are drawn at random.
    * ``precision``, ``recall``: with balls to the 3rd neighbour; where the reference has pictures.
    * ``count``: pictures generated. Published numbers are of 50,000; those of other counts do not compare.

    The labels are those of the data's test split. Samples become uint8 as DiT stores them. A process keeps 8 kB for
    each of its pictures until the end, then all of them.
    """

    full_state_update = False
    features: list[Tensor]
    keys: list[Tensor]
    spatial_total: Tensor
    spatial_outer: Tensor

    def __init__(self, weights: Path, reference: Path | None = None, cache: Path = Path("runs/references")) -> None:
        """No file is opened before the run.

        Args:
            weights: torch-fidelity's ``weights-inception-2015-12-05-6726825d.pth``.
            reference: an npz file of ADM's, as ``VIRTUAL_imagenet256_labeled.npz``; None = the data's training split,
                measured once.
            cache: folder that keeps what was measured.
        """
        super().__init__()
        self.weights, self.reference, self.cache = Path(weights), reference and Path(reference), Path(cache)
        for state in ("features", "keys"):
            self.add_state(state, default=[], dist_reduce_fx="cat")
        self.add_state("spatial_total", torch.zeros(SPATIAL, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("spatial_outer", torch.zeros(SPATIAL, SPATIAL, dtype=torch.float64), dist_reduce_fx="sum")
        self._network = Frozen(partial(Inception, self.weights))
        self._real: Reference | None = None

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
        """Takes in pictures with values in [-1, 1]: ``[B, 3, H, W]``, or a list of ``[3, H, W]`` of mixed sizes."""
        pool, spatial = self._network.on(self.device).describe(generated)
        moments = Moments.of(spatial)
        self.features.append(pool)
        self.keys.append(content_keys(map(to_uint8, generated)).to(pool.device))
        self.spatial_total += moments.total
        self.spatial_outer += moments.outer

    def results(self) -> dict[str, float]:
        """The report."""
        assert self._real is not None
        features, real = self._sorted(), self._real
        report = {"count": float(len(features))}
        pool = reduce(operator.add, map(Moments.of, features.split(SUMMED_AT_ONCE)))
        with self.attempt("fid, sfid"):
            report["fid"] = frechet_from_gaussians(pool.mean(), pool.covariance(), *real.pool)
            if real.spatial is not None:
                spatial = Moments(pool.count, self.spatial_total, self.spatial_outer)
                report["sfid"] = frechet_from_gaussians(spatial.mean(), spatial.covariance(), *real.spatial)
        with self.attempt("inception_score"):
            order = torch.randperm(len(features), generator=keyed_generator(Purpose.CHOICE)).to(features.device)
            report["inception_score"] = inception_score(self._network.on(self.device).logits(features[order]))
        if real.features is not None:
            with self.attempt("precision, recall"):
                report |= precision_recall(features, real.features.to(features.device))._asdict()
        return report

    def _sorted(self) -> Tensor:
        """``[N, 2048]`` features in an order that does not depend on how the pictures arrived."""
        return dim_zero_cat(self.features)[dim_zero_cat(self.keys).argsort()]
