"""Metrics of generated point clouds: MMD, COV, 1-NNA and JSD, with two baselines."""

from __future__ import annotations

import sys
import warnings
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from lumina.clouds.normalise import CentreScale, ShapeNormalisation, frame_of
from lumina.clouds.subset import random_subset
from lumina.interfaces import DataModule
from lumina.metrics.occupancy import occupancy_divergence
from lumina.metrics.order import content_keys
from lumina.metrics.points import as_clouds, point_set_metrics
from lumina.metrics.robust import RobustMetric
from lumina.metrics.transport import emd_matrix
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Batch


class PointCloudQuality(RobustMetric):
    """Compares generated clouds with equally many held-out clouds after normalising each cloud.

    The names of the results start with the normalisation, because numbers are only comparable under the same one:

    * ``shape_bbox`` (diffusion-point-cloud): the bounding box of each cloud is centred, its longest side becomes 2;
    * ``shape_std``, ``shape_unit``, ``shape_sphere``: see `lumina.clouds.normalise.Normalisation`;
    * ``none``: original coordinates (PointFlow). The data must then be normalised with "global_unit" or not at all;
      otherwise the size of a generated cloud is undefined.

    The results are ``mmd_cd_x1000``, ``cov_cd_percent`` (100 if every reference is matched), ``one_nna_cd_percent``
    (50 is best) with ``acc_t_cd_percent`` on references and ``acc_f_cd_percent`` on samples, and ``jsd``. With
    ``emd_clouds`` they are also computed under the exact earth mover's distance (``mmd_emd_x100`` and so on), on random
    subsets of the clouds and of their points.

    ``jsd`` is computed on the normalised clouds without rescaling, as in the evaluation scripts of
    diffusion-point-cloud and PointFlow: the grid fills the ball of radius 0.5 and points outside count for the nearest
    node, so under ``shape_bbox`` only the inner half of each box is resolved.

    No result depends on the order of the samples, the batch size or the number of processes.

    Two baselines are computed in the same way: ``train/...`` with equally many training clouds in place of samples,
    which is how good a model can be, and ``gaussian/...`` with points from one Gaussian with the mean and covariance of
    the training points, which is how bad.

    Args:
        normalisation: of each cloud.
        anchors: compute the two baselines too; the metric then takes three times as long.
        emd_clouds: random clouds of each set for the earth mover's distance; 0 = do not compute it.
        emd_points: random points of each of these clouds.
    """

    full_state_update = False
    generated: list[Tensor]
    reference: list[Tensor]
    keys: list[Tensor]

    def __init__(
        self,
        normalisation: ShapeNormalisation = "shape_bbox",
        anchors: bool = True,
        emd_clouds: int = 0,
        emd_points: int = 512,
    ) -> None:
        super().__init__()
        self.normalisation, self.anchors = normalisation, anchors
        self.emd_clouds, self.emd_points = emd_clouds, emd_points
        for state in ("generated", "reference", "keys"):
            self.add_state(state, default=[], dist_reduce_fx="cat")
        self._train: Tensor | None = None
        self._scale: float | None = None

    def prepare(self, data: DataModule) -> None:
        """Reads the training clouds for the baselines: as many as there are held-out clouds, with as many points.

        Raises:
            ValueError: no training cloud has as many points as the held-out ones.
        """
        if not self.anchors or self._train is not None:
            return
        train, test = data.samples("train"), data.samples("test")
        points = len(test[0].item["points"])
        order = torch.randperm(len(train), generator=keyed_generator(Purpose.CHOICE)).tolist()
        read = (train[index].item for index in order)
        items = list(islice((item for item in read if len(item["points"]) >= points), len(test)))
        if not items:
            raise ValueError(
                f"No training cloud has the {points} points of the held-out clouds: lower data.eval_points, or set the "
                "metric's anchors to false."
            )
        if len(items) < len(test):
            warnings.warn(
                f"Only {len(items)} training clouds have the {points} points of the {len(test)} held-out clouds, so "
                "the anchors use fewer clouds than the samples and are not comparable with them.",
                stacklevel=2,
            )
        clouds = [
            random_subset(item["points"], points, keyed_generator(Purpose.POINTS, i)) for i, item in enumerate(items)
        ]
        frames = {name: torch.stack([item[name] for item in items]) for name in ("centre", "scale")}
        self._train = self._normalised(torch.stack(clouds), frames)

    def update(self, generated: Tensor, batch: Batch) -> None:
        """Adds ``generated [B, P, 3]`` and the references ``batch["points"]`` ``[B, P, 3]``.

        Raises:
            ValueError: the clouds differ in their number of points, or their original size is undefined.
        """
        if not isinstance(generated, Tensor):
            raise ValueError(
                "PointCloudQuality needs clouds with equal numbers of points, got several: set data.eval_points."
            )
        self.generated.append(self._normalised(generated, batch))
        self.reference.append(self._normalised(batch["points"], batch))
        keys = [content_keys(clouds) for clouds in (batch["points"], generated)]
        self.keys.append(torch.stack(keys, 1).to(generated.device))

    def results(self) -> dict[str, float]:
        """The results and, if configured, those of the baselines; names start with the normalisation."""
        order = torch.from_numpy(np.lexsort(dim_zero_cat(self.keys).cpu().numpy().T[::-1]))
        generated, reference = (dim_zero_cat(x)[order] for x in (self.generated, self.reference))
        report = self._report("", generated, reference)
        if self._train is not None:
            train = self._train[: len(reference)].to(reference)
            for name, clouds in {"train": train, "gaussian": _gaussian_like(train)}.items():
                report |= self._report(f"{name}/", clouds, reference)
        return {f"{self.normalisation}/{name}": value for name, value in report.items()}

    def _report(self, prefix: str, clouds: Tensor, reference: Tensor) -> dict[str, float]:
        progress = sys.stderr.isatty()
        report: dict[str, float] = {}
        with self.attempt(f"{prefix}Chamfer distance"):
            report |= _in_units("cd", 1000, point_set_metrics(clouds, reference, progress))
        if self.emd_clouds:
            with self.attempt(f"{prefix}earth mover's distance"):
                drawn, references = (_random_clouds(x, self.emd_clouds, self.emd_points) for x in (clouds, reference))
                report |= _in_units("emd", 100, point_set_metrics(drawn, references, progress, emd_matrix))
        with self.attempt(f"{prefix}jsd"):
            report["jsd"] = occupancy_divergence(clouds, reference)
        return {f"{prefix}{name}": value for name, value in report.items()}

    def _normalised(self, clouds: Tensor, batch: Batch) -> Tensor:
        clouds = clouds.float()
        if self.normalisation != "none":
            return frame_of(clouds, self.normalisation).apply(clouds)
        clouds = as_clouds(clouds, "of one batch")
        frame = CentreScale(batch["centre"].to(clouds), batch["scale"].to(clouds))
        if self._scale is None:
            self._scale = frame.scale[0].item()
        if not (frame.scale == self._scale).all():
            raise ValueError(
                "normalisation none measures in original coordinates, but every cloud of these data has its own scale: "
                "set data.normalisation to global_unit, or the metric's normalisation to shape_bbox."
            )
        return frame.undo(clouds)


def _random_clouds(clouds: Tensor, count: int, points: int) -> Tensor:
    """A random subset ``[count, points, 3]``, or all clouds if there are fewer.

    The chosen indices depend only on the size of the set.
    """
    chosen = torch.randperm(len(clouds), generator=keyed_generator(Purpose.CHOICE))[:count].tolist()
    return torch.stack(
        [random_subset(clouds[index], points, keyed_generator(Purpose.POINTS, index)) for index in chosen]
    )


def _in_units(name: str, factor: float, values: dict[str, float]) -> dict[str, float]:
    """Scales MMD by ``factor`` and shares to percent, as in published tables."""
    shares = {f"{key}_{name}_percent": 100 * values[key] for key in ("cov", "one_nna", "acc_t", "acc_f")}
    return {f"mmd_{name}_x{factor:g}": factor * values["mmd"], **shares}


def _gaussian_like(clouds: Tensor) -> Tensor:
    """Equally many clouds of independent points from a Gaussian with the mean and covariance of all points."""
    points = clouds.flatten(0, 1).double().cpu()
    covariance = torch.cov(points.T)
    jitter = 1e-12 * covariance.trace() * torch.eye(3, dtype=torch.float64)  # flat clouds have no third direction
    root: Any = torch.linalg.cholesky(covariance + jitter)
    noise = torch.randn(points.shape, generator=keyed_generator(Purpose.BASELINE), dtype=torch.float64)
    return (points.mean(0) + noise @ root.T).to(clouds).view_as(clouds)
