"""The evaluation run of point clouds: MMD, COV, 1-NNA and JSD beside two anchors."""

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
from lumina.data.samples import Samples
from lumina.interfaces import DataModule
from lumina.metrics.occupancy import occupancy_divergence
from lumina.metrics.order import content_keys
from lumina.metrics.points import as_clouds, point_set_metrics
from lumina.metrics.robust import RobustMetric
from lumina.metrics.transport import emd_matrix
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Batch


class PointCloudQuality(RobustMetric):
    """Generated clouds against as many held-out ones, each cloud normalised before, in the units of the papers.

    Names begin with the normalisation, for numbers compare only within one:

    * ``shape_bbox`` (diffusion-point-cloud): the box of each cloud is centred, its longest side becomes 2;
    * ``shape_std``, ``shape_unit``, ``shape_sphere``: see `lumina.clouds.normalise.Normalisation`;
    * ``none``: original coordinates (PointFlow); this needs data normalised with "global_unit" or not at all, since a
      generated cloud has no size of its own otherwise.

    Reported are ``mmd_cd_x1000``, ``cov_cd_percent`` (100 would have every reference matched), ``one_nna_cd_percent``
    (50 is best) with ``acc_t_cd_percent`` on references and ``acc_f_cd_percent`` on samples, and ``jsd``. Asked for,
    the same under the exact earth mover's distance, ``mmd_emd_x100`` and so on, of some clouds and some points of each,
    drawn at random.

    ``jsd`` is taken of the normalised clouds as they are, as the evaluation scripts of diffusion-point-cloud and
    PointFlow take it: its grid fills the ball of radius 0.5, and points outside count for the nearest node, so under
    ``shape_bbox`` only the inner half of each box is resolved.

    No result depends on the order of the samples, the batch size or the number of processes.

    Two anchors are computed in the same way: ``train/...``, as many training clouds in place of samples (how good one
    can be), and ``gaussian/...``, points from one Gaussian with the training set's moments (how bad).

    Args:
        normalisation: of each cloud.
        anchors: measure the anchors too, which takes twice as long again.
        emd_clouds: clouds of each set for the earth mover's distance, drawn from all; 0 = leave it out.
        emd_points: points of each of them, drawn from all.
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
        """Reads as many training clouds as there are held-out ones, if they have points enough, for the anchors.

        Raises:
            ValueError: no training cloud has as many points as the held-out ones.
        """
        if not self.anchors or self._train is not None:
            return
        train, test = (Samples(data.dataset(split), data.seed, None) for split in ("train", "test"))
        points = len(test[0].item["points"])
        order = torch.randperm(len(train), generator=keyed_generator(Purpose.CHOICE)).tolist()
        read = (train[index].item for index in order)
        items = list(islice((item for item in read if len(item["points"]) >= points), len(test)))
        if not items:
            raise ValueError(
                f"No training cloud has the {points} points of the held-out ones to compare them with: lower "
                "data.eval_points, or set the metric's anchors to false."
            )
        if len(items) < len(test):
            warnings.warn(
                f"Only {len(items)} training clouds have the {points} points of the {len(test)} held-out ones, so the "
                "anchors are of fewer clouds than the samples and do not compare with them.",
                stacklevel=2,
            )
        clouds = [
            random_subset(item["points"], points, keyed_generator(Purpose.POINTS, i)) for i, item in enumerate(items)
        ]
        frames = {name: torch.stack([item[name] for item in items]) for name in ("centre", "scale")}
        self._train = self._normalised(torch.stack(clouds), frames)

    def update(self, generated: Tensor, batch: Batch) -> None:
        """Takes in ``generated [B, P, 3]``, and ``batch["points"]`` of as many points as references.

        Raises:
            ValueError: for clouds of several densities, or of no known size.
        """
        if not isinstance(generated, Tensor):
            raise ValueError(
                "PointCloudQuality compares clouds of one density, got several: give all as many points (eval_points)."
            )
        self.generated.append(self._normalised(generated, batch))
        self.reference.append(self._normalised(batch["points"], batch))
        keys = [content_keys(clouds) for clouds in (batch["points"], generated)]
        self.keys.append(torch.stack(keys, 1).to(generated.device))

    def results(self) -> dict[str, float]:
        """The report."""
        order = torch.from_numpy(np.lexsort(dim_zero_cat(self.keys).cpu().numpy().T[::-1]))
        generated, reference = (dim_zero_cat(x)[order] for x in (self.generated, self.reference))
        report = self._report("", generated, reference)
        if self._train is not None:
            train = self._train[: len(reference)].to(reference)
            for name, clouds in {"train": train, "gaussian": _gaussian_like(train)}.items():
                report |= self._report(f"{name}/", clouds, reference)
        return {f"{self.normalisation}/{name}": value for name, value in report.items()}

    def _report(self, of: str, clouds: Tensor, reference: Tensor) -> dict[str, float]:
        seen = sys.stderr.isatty()
        report: dict[str, float] = {}
        with self.attempt(f"{of}Chamfer distance"):
            report |= _in_units("cd", 1000, point_set_metrics(clouds, reference, seen))
        if self.emd_clouds:
            with self.attempt(f"{of}earth mover's distance"):
                some, others = (_drawn(x, self.emd_clouds, self.emd_points) for x in (clouds, reference))
                report |= _in_units("emd", 100, point_set_metrics(some, others, seen, emd_matrix))
        with self.attempt(f"{of}jsd"):
            report["jsd"] = occupancy_divergence(clouds, reference)
        return {f"{of}{name}": value for name, value in report.items()}

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
                "normalisation none measures in original coordinates, but each cloud of these data has a size of its "
                "own: set data.normalisation to global_unit, or measure with shape_bbox."
            )
        return frame.undo(clouds)


def _drawn(clouds: Tensor, count: int, points: int) -> Tensor:
    """``[count, points, 3]``, or all where there are fewer; the same places of sets that are equally large."""
    chosen = torch.randperm(len(clouds), generator=keyed_generator(Purpose.CHOICE))[:count].tolist()
    return torch.stack(
        [random_subset(clouds[place], points, keyed_generator(Purpose.POINTS, place)) for place in chosen]
    )


def _in_units(name: str, factor: float, values: dict[str, float]) -> dict[str, float]:
    """MMD times ``factor``, shares in percent, as tables print them."""
    shares = {f"{key}_{name}_percent": 100 * values[key] for key in ("cov", "one_nna", "acc_t", "acc_f")}
    return {f"mmd_{name}_x{factor:g}": factor * values["mmd"], **shares}


def _gaussian_like(clouds: Tensor) -> Tensor:
    """As many clouds, of independent points with the mean and the covariance of all points."""
    points = clouds.flatten(0, 1).double().cpu()
    covariance = torch.cov(points.T)
    jitter = 1e-12 * covariance.trace() * torch.eye(3, dtype=torch.float64)  # flat clouds have no third direction
    root: Any = torch.linalg.cholesky(covariance + jitter)
    noise = torch.randn(points.shape, generator=keyed_generator(Purpose.BASELINE), dtype=torch.float64)
    return (points.mean(0) + noise @ root.T).to(clouds).view_as(clouds)
