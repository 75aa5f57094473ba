"""FID, sFID, Inception Score, precision and recall by the protocol of published ImageNet tables."""

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
    """FID, sFID, Inception Score, precision and recall on Inception features, as in ADM's evaluator.

    * ``fid``: Frechet distance of the ``pool_3`` features (Heusel et al., 2017).
    * ``sfid``: that of the first 7 channels of ``mixed_6/conv`` (Nash et al., 2021), if the reference has their
      statistics.
    * ``inception_score``: computed without the bias of the logits and averaged over random blocks of 5,000 pictures.
    * ``precision``, ``recall``: with balls to the 3rd nearest neighbour, if the reference has pictures.
    * ``count``: number of generated pictures. Published numbers use 50,000 and are not comparable with other counts.

    The labels are those of the data's test split. Samples are converted to uint8 as in DiT, and grey ones to RGB. Each
    process stores 8 kB per picture; at the end every process holds the features of all pictures.

    Args:
        weights: torch-fidelity's ``weights-inception-2015-12-05-6726825d.pth``.
        reference: an npz file in ADM's format, such as ``VIRTUAL_imagenet256_labeled.npz``; None = the data's training
            split, measured once.
        cache: folder for the statistics of the training split.
    """

    spatial_total: Tensor
    spatial_outer: Tensor

    def __init__(self, weights: Path, reference: Path | None = None, cache: Path = Path("runs/references")) -> None:
        super().__init__(weights, reference, cache)
        self.add_state("spatial_total", torch.zeros(SPATIAL, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("spatial_outer", torch.zeros(SPATIAL, SPATIAL, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, generated: Tensor | Sequence[Tensor], batch: Batch) -> None:
        """Adds pictures in [-1, 1], grey or RGB: ``[B, C, H, W]``, or a list of ``[C, H, W]`` of mixed sizes."""
        moments = Moments.of(self.describe(generated).spatial)
        self.spatial_total += moments.total
        self.spatial_outer += moments.outer

    def results(self) -> dict[str, float]:
        """FID, sFID, Inception Score, precision, recall and ``count``, as far as the reference allows."""
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
