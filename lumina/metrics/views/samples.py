"""The objects of a batch, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.metrics.views.pinholes import Pinholes
from lumina.values import Batch

GeneratedViews = Tensor | Sequence[Tensor]
"""``[B, N, 3, H, W]`` in [-1, 1], or a list of ``[N_i, 3, H, W]``."""


@dataclass(frozen=True, slots=True)
class ObjectViews:
    """Generated and true views of one object, at the same azimuths.

    Attributes:
        generated: ``[N, 3, H, W]`` in [0, 1].
        true: ``[N, 3, H, W]`` in [0, 1].
        azimuths: ``[N]``, degrees.
        masks: ``[N, H, W]`` bool, the true silhouettes; None = the batch has none.
        reference: ``[3, H, W]`` in [0, 1]; None = the batch has none.
        cameras: of the N views; None = the batch has none.
    """

    generated: Tensor
    true: Tensor
    azimuths: Tensor
    masks: Tensor | None
    reference: Tensor | None
    cameras: Pinholes | None

    def turned(self, degrees: float) -> Tensor | None:
        """``[N]``, for each view the number of that which stands so many degrees further on; None = not all do."""
        return standing_at(self.azimuths, self.azimuths + degrees)


def objects(generated: GeneratedViews, batch: Batch) -> Iterator[ObjectViews]:
    """The objects of a batch.

    Args:
        generated: what the model made of the batch's conditions.
        batch: holds ``views`` and ``azimuths``, and as far as there are any ``alpha``, ``reference``,
            ``camera_to_world`` and ``field_of_view``.
    """
    for number, views in enumerate(generated):
        device = views.device

        def field(name: str, number: int = number, device: torch.device = device) -> Tensor | None:
            return batch[name][number].to(device) if name in batch else None

        alpha, reference, matrices, angle = map(field, ("alpha", "reference", "camera_to_world", "field_of_view"))
        height, width = views.shape[-2:]
        yield ObjectViews(
            generated=shares(views),
            true=shares(batch["views"][number].to(device)),
            azimuths=batch["azimuths"][number].to(device).float(),
            masks=None if alpha is None else alpha > 0.5,
            reference=None if reference is None else shares(reference),
            cameras=(
                None if matrices is None or angle is None else Pinholes.of_view(matrices.float(), angle, width / height)
            ),
        )


def shares(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] as float32 in [0, 1], clipped."""
    return (pictures.float() / 2 + 0.5).clamp(0, 1)


def apart(one: Tensor, other: Tensor) -> Tensor:
    """The angle between azimuths, in degrees, from 0 to 180."""
    return ((one - other + 180) % 360 - 180).abs()


def standing_at(azimuths: Tensor, wanted: Tensor, tolerance: float = 1) -> Tensor | None:
    """Numbers ``[M]`` of those of ``azimuths [N]`` that are within a degree of ``wanted [M]``; None = not all are."""
    distance, place = apart(wanted[:, None], azimuths).min(1)
    return place if bool((distance <= tolerance).all()) else None
