"""FID and its kin: quality of generated pictures by the protocol of ImageNet's tables."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import torch
from torch import Tensor

from lumina.metrics.frechet import Moments, frechet_from_gaussians
from lumina.metrics.inception import SPATIAL
from lumina.metrics.inception_features import InceptionFeatures
from lumina.metrics.inception_score import inception_score
from lumina.metrics.precision_recall import precision_recall
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Batch

SUMMED_AT_ONCE = 4096


class InceptionMetrics(InceptionFeatures):
    """FID, sFID, Inception Score, precision and recall as ADM's evaluator takes them, in Inception's features.

    * ``fid``: Frechet distance of the ``pool_3`` features.
    * ``sfid``: of the first 7 channels of ``mixed_6/conv``; where the reference has their statistics.
    * ``inception_score``: without the logits' bias, mean of blocks of 5,000, into which pictures are drawn at random.
    * ``precision``, ``recall``: with balls to the 3rd neighbour; where the reference has pictures.
    * ``count``: pictures generated. Published numbers are of 50,000; those of other counts do not compare.

    The labels are those of the data's test split. Samples become uint8 as DiT stores them, grey ones RGB. A
    process keeps 8 kB for each of its pictures until the end, then all of them.

    Args:
        weights: torch-fidelity's ``weights-inception-2015-12-05-6726825d.pth``.
        reference: an npz file of ADM's, as ``VIRTUAL_imagenet256_labeled.npz``; None = the data's training split,
            measured once.
        cache: folder that keeps what was measured.
    """

    spatial_total: Tensor
    spatial_outer: Tensor

    def __init__(self, weights: Path, reference: Path | None = None, cache: Path = Path("runs/references")) -> None:
        super().__init__(weights, reference, cache)
        self.add_state("spatial_total", torch.zeros(SPATIAL, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("spatial_outer", torch.zeros(SPATIAL, SPATIAL, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, generated: Tensor | Sequence[Tensor], batch: Batch) -> None:
        """Takes in pictures in [-1, 1], grey or RGB: ``[B, C, H, W]``, or a list of ``[C, H, W]`` of mixed sizes."""
        moments = Moments.of(self.describe(generated).spatial)
        self.spatial_total += moments.total
        self.spatial_outer += moments.outer

    def results(self) -> dict[str, float]:
        """The report."""
        features, real = self.sorted_features(), self.real
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
