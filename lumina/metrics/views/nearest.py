"""Whether generated views look like an object of their class, and how good the best of several samples is."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from lumina.interfaces import DataModule
from lumina.metrics.order import content_keys
from lumina.metrics.real_batches import require_fields
from lumina.metrics.robust import RobustMetric
from lumina.metrics.views.samples import GeneratedViews, objects, shares
from lumina.metrics.views.similarity import psnr_in_mask
from lumina.metrics.views.training_views import nearest_azimuths, reduced, training_items
from lumina.values import Batch

SIDE = 16


@dataclass(frozen=True, slots=True)
class KnownViews:
    """Reduced views of the training objects, and their classes.

    Attributes:
        views: ``[N_i, D]`` of each object.
        azimuths: ``[N_i]`` of each object, degrees.
        classes: of each object.
    """

    views: list[Tensor]
    azimuths: list[Tensor]
    classes: list[str]

    @classmethod
    def of(cls, data: DataModule, key: str) -> KnownViews:
        """Reads the training objects."""
        found = cls([], [], [])
        for _, item in training_items(data, "Training views"):
            found.views.append(described(shares(item["views"])))
            found.azimuths.append(item["azimuths"])
            found.classes.append(_text(item[key]))
        return found

    def nearest_class(self, views: Tensor, azimuths: Tensor) -> str:
        """The class of the nearest object, by the mean squared difference of each view to the nearest in azimuth.

        Args:
            views: ``[N, 3, H, W]`` in [0, 1].
            azimuths: ``[N]``, degrees.
        """
        ours, azimuths = described(views).cpu(), azimuths.cpu()
        errors = [
            (ours - theirs[nearest_azimuths(places, azimuths)]).square().mean()
            for theirs, places in zip(self.views, self.azimuths, strict=True)
        ]
        return self.classes[int(torch.stack(errors).argmin())]


class NearestViews(RobustMetric):
    """Judges generated views by the training objects, and several samples of an object by the best.

    * ``class_of_nearest``: share of samples whose nearest training object has their class; ``class_of_nearest_real``:
      the same of the true views. Nearest is the least mean squared difference of pictures of 16 pixels squared, each
      view against the nearest in azimuth.
    * ``best_of_8/psnr_in_mask``: mean over objects of the greatest PSNR inside the true silhouettes, where each object
      was sampled 8 times; any number works (``draws`` of the data). Samples are of one object if their names are the
      same, or their true views where they have no names. Those with NaN or infinity are left out and counted, and so is
      an object that has no others. Compare it with ``psnr_in_mask_mean`` of `ViewQuality`.

    Args:
        key: field of the batch that is the class.
    """

    full_state_update = False
    hits: Tensor
    scores: list[Tensor]
    keys: list[Tensor]

    def __init__(self, key: str = "label") -> None:
        super().__init__()
        self.key = key
        self.add_state("hits", torch.zeros(3, dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("scores", "keys"):
            self.add_state(name, default=[], dist_reduce_fx="cat")
        self._known: KnownViews | None = None

    def prepare(self, data: DataModule) -> None:
        """Reads the training objects.

        Raises:
            ValueError: the data have no views, silhouettes or classes.
        """
        needed = ("views", "azimuths", "alpha", self.key)
        advice = "Evaluate on data with views, and set the metric's `key` to the field that is the class."
        require_fields(data, "test", needed, type(self).__name__, advice)
        if self._known is None:
            self._known = KnownViews.of(data, self.key)

    @torch.no_grad()
    def update(self, generated: GeneratedViews, batch: Batch) -> None:
        """Adds views in [-1, 1], ``[B, N, 3, H, W]`` or a list of ``[N_i, 3, H, W]``."""
        assert self._known is not None
        for views, name in zip(objects(generated, batch), batch[self.key], strict=True):
            found = [self._known.nearest_class(part, views.azimuths) for part in (views.generated, views.true)]
            self.hits += self.hits.new_tensor([1.0, *(one == _text(name) for one in found)])
            assert views.masks is not None
            self.scores.append(psnr_in_mask(views.generated, views.true, views.masks).nanmean()[None])
        self.keys.append(content_keys(_names(batch) or batch["views"]).to(self.device))

    def results(self) -> dict[str, float]:
        """The shares, and the best of several samples where there are several."""
        count, hits, hits_real = self.hits.tolist()
        report = {"class_of_nearest": hits / count, "class_of_nearest_real": hits_real / count}
        with self.attempt("best_of"):
            report |= self._best()
        return report

    def _best(self) -> dict[str, float]:
        of_object = defaultdict[int, list[float]](list)
        for key, score in zip(dim_zero_cat(self.keys).tolist(), dim_zero_cat(self.scores).tolist(), strict=True):
            if not math.isnan(score):  # an object without a silhouette
                of_object[key].append(score)
        numbers = [len(scores) for scores in of_object.values()]
        if not numbers:
            raise ValueError("no object has a silhouette")
        least, most = min(numbers), max(numbers)
        if sum(most - number for number in numbers) > self.missed:
            raise ValueError(f"the objects have {least} to {most} samples each, expected equally many")
        best = [max(scores) for scores in of_object.values()]
        return {f"best_of_{most}/psnr_in_mask": math.fsum(best) / len(best)}


def described(views: Tensor) -> Tensor:
    """What is compared of views ``[N, 3, H, W]`` in [0, 1], ``[N, D]``."""
    return reduced(views, SIDE).flatten(1)


def _names(batch: Batch) -> list[Tensor]:
    """The bytes of the samples' names; nothing where they have none."""
    return [torch.tensor(list(name.encode("utf-8", "surrogatepass"))) for name in batch.get("name", ())]


def _text(value: object) -> str:
    return str(value.item() if isinstance(value, Tensor) else value)
