"""Whether the generated views of an object can be of one object, beside the true ones."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.interfaces import DataModule
from lumina.metrics.real_batches import require_fields
from lumina.metrics.robust import RobustMetric
from lumina.metrics.views.agreement import agreement
from lumina.metrics.views.foreground import THRESHOLD, foreground
from lumina.metrics.views.pinholes import Pinholes
from lumina.metrics.views.samples import GeneratedViews, objects
from lumina.pictures.background import WHITE, Colour, parse_colour
from lumina.values import Batch


class ViewConsistency(RobustMetric):
    """Measures without learned weights whether views fit together, at the cameras of the data.

    * ``silhouettes_explained``: mean share of a silhouette that the visual hull of all views explains.
    * ``colour_difference``: mean absolute difference, in [0, 1], of the two colours of a point of the hull that
      neighbouring views see.
    * ``colour_over_shuffled``: the same over the difference of shuffled points: 0 = each point keeps its colour, 1 =
      chance. The sums over all objects are divided, so an object of one colour weighs nothing.

    All three also end in ``_real``, for the true views. Read them together: each alone can be fooled.

    Silhouettes of generated and true pictures alike come from the known background; see
    `lumina.metrics.views.foreground.foreground`. Objects with fewer than two views are left out; one without a point
    that two views share counts for the silhouettes alone.

    Args:
        background: a name such as white or grey, or ``#rrggbb``; None = that of the data, white where they have none.
        threshold: difference of a channel from the background, of the range, above which a pixel is the object's.
    """

    full_state_update = False
    total: Tensor

    def __init__(self, background: str | None = None, threshold: float = THRESHOLD) -> None:
        super().__init__()
        self.background: Colour | None = None if background is None else parse_colour(background)
        self.threshold = threshold
        self.add_state("total", torch.zeros(2, 5, dtype=torch.float64), dist_reduce_fx="sum")

    def prepare(self, data: DataModule) -> None:
        """Compares what the metric needs with the data.

        Raises:
            ValueError: the data have no views or no cameras.
        """
        needed = ("views", "azimuths", "camera_to_world", "field_of_view")
        require_fields(data, "test", needed, type(self).__name__, "Evaluate on views whose cameras are known.")
        if self.background is None:
            self.background = getattr(data, "background", None)

    @torch.no_grad()
    def update(self, generated: GeneratedViews, batch: Batch) -> None:
        """Adds views in [-1, 1], ``[B, N, 3, H, W]`` or a list of ``[N_i, 3, H, W]``."""
        for views in objects(generated, batch):
            if len(views.azimuths) > 1:
                assert views.cameras is not None
                scores = [self._scores(pictures, views.cameras) for pictures in (views.generated, views.true)]
                self.total += torch.stack(scores).to(self.total)

    def results(self) -> dict[str, float]:
        """The three measures for generated and true views.

        Raises:
            ValueError: no object has two views.
        """
        if not self.total[0, 0]:
            raise ValueError("no object has two views: set data.views to 2 or more")
        report = {}
        for end, (objects_, explained, seen, difference, shuffled) in zip(
            ("", "_real"), self.total.tolist(), strict=True
        ):
            report[f"silhouettes_explained{end}"] = explained / objects_
            with self.attempt(f"colour_difference{end}"):
                report[f"colour_difference{end}"] = _ratio(difference, seen, "no views share a point of the hull")
            with self.attempt(f"colour_over_shuffled{end}"):
                report[f"colour_over_shuffled{end}"] = _ratio(difference, shuffled, "no object has two colours in view")
        return report

    def _scores(self, pictures: Tensor, cameras: Pinholes) -> Tensor:
        """``[5]``: 1, share explained, whether points are shared, their difference, that of shuffled ones."""
        masks = foreground(pictures, self.background or WHITE, self.threshold)
        agreed = agreement(pictures * 2 - 1, masks, cameras)
        colours = agreed.colours
        found = (1.0, colours.difference, colours.shuffled) if colours.points else (0.0, 0.0, 0.0)
        return torch.tensor((1.0, float(agreed.explained.mean()), *found), dtype=torch.float64)


def _ratio(value: float, over: float, reason: str) -> float:
    if not over:
        raise ValueError(reason)
    return value / over
