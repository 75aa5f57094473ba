"""How near generated views are to the true ones, beside what simple predictions reach."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from lumina.interfaces import DataModule
from lumina.metrics.real_batches import require_fields
from lumina.metrics.robust import RobustMetric
from lumina.metrics.views.lpips import Lpips
from lumina.metrics.views.samples import GeneratedViews, ObjectViews, objects
from lumina.metrics.views.similarity import MEASURES, similarity
from lumina.metrics.views.training_views import BIN, BINS, TrainingViews, bins
from lumina.values import Batch

PREDICTIONS = ("", "_white", "_mean", "_nearest", "_copy", "_turned")


class ViewQuality(RobustMetric):
    """Compares generated views with the true ones, view by view.

    * ``psnr``: in dB, of the mean squared error of each view, as in SyncDreamer's evaluation; 58.9 at most, the error
      of 8 bits.
    * ``ssim``: with a Gaussian window of 11 pixels and values in [0, 1].
    * ``psnr_in_mask``, ``ssim_in_mask``: the same inside the true silhouettes. Where an object covers a fifth of the
      picture, the others reward the background.
    * ``lpips``: on VGG-16, if its weights are there; lower is better.
    * ``psnr_std`` and so on: the spread over objects. ``objects``: their number.
    * ``azimuth_45/psnr`` and so on: of the views whose azimuth is nearest to this multiple of 45 degrees.
    * ``right_azimuth``: share of objects whose views are nearer to the true ones than to those 45 degrees further on;
      0.5 is chance. A mirror is no test, because most objects are symmetric.

    Averages are over the views of an object, then over objects. Simple predictions are measured in the same way:

    * ``psnr_white``: white pictures;
    * ``psnr_mean``: the mean training view at the azimuth, to the nearest multiple of 45 degrees;
    * ``psnr_nearest``: the views of the training object with the nearest reference picture;
    * ``psnr_copy``: the reference itself for every view;
    * ``psnr_turned``: the true views of 45 degrees further on.

    ``_nearest`` and ``_copy`` need a reference; ``_turned`` and ``right_azimuth`` need all azimuths plus 45 degrees
    among the azimuths, as of 8 even ones. Objects without are left out of these. Azimuths are those that the model is
    told, relative to the first view.

    Args:
        anchors: measure the simple predictions too.
        vgg: torchvision's ``vgg16-397923af.pth``, for ``lpips``; None = without.
    """

    full_state_update = False
    total: Tensor
    squares: Tensor
    count: Tensor
    bin_total: Tensor
    bin_count: Tensor
    right: Tensor

    def __init__(self, anchors: bool = True, vgg: Path | None = None) -> None:
        super().__init__()
        self.anchors = anchors
        self._lpips = None if vgg is None else Lpips(vgg)
        self._training: TrainingViews | None = None
        shape = len(PREDICTIONS), len(MEASURES) + 1
        for name in ("total", "squares", "count"):
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("bin_total", "bin_count"):
            self.add_state(name, torch.zeros(BINS, *shape, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("right", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")

    def prepare(self, data: DataModule) -> None:
        """Reads the training views, and looks for the weights of LPIPS.

        Raises:
            ValueError: the data have no views, azimuths or silhouettes.
        """
        needed = ("views", "azimuths", "alpha")
        require_fields(data, "test", needed, type(self).__name__, "Evaluate on data with views, not on latents.")
        if self._lpips is not None and not self._lpips.ready():
            self._lpips = None
        if self.anchors and self._training is None:
            self._training = TrainingViews.of(data)

    @torch.no_grad()
    def update(self, generated: GeneratedViews, batch: Batch) -> None:
        """Adds views in [-1, 1], ``[B, N, 3, H, W]`` or a list of ``[N_i, 3, H, W]``."""
        for views in objects(generated, batch):
            places = bins(views.azimuths)
            for name, pictures in self._predictions(views).items():
                self._add(PREDICTIONS.index(name), self._scores(pictures, views), places)
            turned = views.turned(BIN)
            if turned is not None:
                errors = [
                    (views.generated - true).double().square().mean() for true in (views.true, views.true[turned])
                ]
                self.right += torch.stack((errors[0] < errors[1], torch.ones_like(errors[0]))).to(self.right)

    def results(self) -> dict[str, float]:
        """All measures of all predictions."""
        measures = (*MEASURES, "lpips")
        mean = self.total / self.count
        names = [[f"{measure}{prediction}" for measure in measures] for prediction in PREDICTIONS]
        report = {"objects": float(self.count[0, 0])}
        report |= _named(names, mean, self.count)
        spread = (self.squares[0] / self.count[0] - mean[0].square()).clamp_min(0).sqrt()
        report |= _named([[f"{measure}_std" for measure in measures]], spread[None], self.count[:1])
        for place, (total, count) in enumerate(zip(self.bin_total, self.bin_count, strict=True)):
            inside = [[f"azimuth_{place * BIN}/{name}" for name in row] for row in names]
            report |= _named(inside, total / count, count)
        if self.right[1]:
            report["right_azimuth"] = float(self.right[0] / self.right[1])
        return report

    def _predictions(self, views: ObjectViews) -> Mapping[str, Tensor]:
        """Views ``[N, 3, H, W]`` in [0, 1] by the name of what predicts them."""
        found = {"": views.generated}
        if not self.anchors:
            return found
        found["_white"] = torch.ones_like(views.true)
        if self._training is not None:
            found["_mean"] = self._training.mean.to(views.true)[bins(views.azimuths)]
        if views.reference is not None:
            found["_copy"] = views.reference.expand_as(views.true)
            if self._training is not None and self._training.references is not None:
                found["_nearest"] = self._training.nearest(views.reference, views.azimuths)
        turned = views.turned(BIN)
        return found if turned is None else {**found, "_turned": views.true[turned]}

    def _scores(self, pictures: Tensor, views: ObjectViews) -> Tensor:
        """``[N, 5]``, NaN where there is none."""
        assert views.masks is not None
        scores = similarity(pictures, views.true, views.masks)
        if self._lpips is None:
            return torch.cat((scores, torch.full_like(scores[:, :1], torch.nan)), 1)
        return torch.cat((scores, self._lpips(pictures, views.true)[:, None].to(scores)), 1)

    def _add(self, prediction: int, scores: Tensor, places: Tensor) -> None:
        scores = scores.to(self.total)
        mean, there = scores.nanmean(0), ~scores.isnan()
        self.total[prediction] += mean.nan_to_num()
        self.squares[prediction] += mean.nan_to_num().square()
        self.count[prediction] += there.any(0)
        self.bin_total[:, prediction].index_add_(0, places.to(self.total.device), scores.nan_to_num())
        self.bin_count[:, prediction].index_add_(0, places.to(self.total.device), there.to(self.total))


def _named(names: list[list[str]], values: Tensor, count: Tensor) -> dict[str, float]:
    """Values ``[P, M]`` by their names, as far as anything was counted."""
    return {
        name: value
        for row, found, counts in zip(names, values.tolist(), count.tolist(), strict=True)
        for name, value, number in zip(row, found, counts, strict=True)
        if number
    }
