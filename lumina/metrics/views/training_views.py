"""The views of training objects, with which generated ones are compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from lumina.interfaces import DataModule
from lumina.metrics.views.samples import apart, shares
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Item

LIMIT = 2000  # objects read
BINS, BIN = 8, 45  # number and degrees


def bins(azimuths: Tensor) -> Tensor:
    """The nearest multiple of 45 degrees, as its number from 0 to 7."""
    return (azimuths / BIN).round().long() % BINS


def nearest_azimuths(azimuths: Tensor, wanted: Tensor) -> Tensor:
    """For each of ``wanted [N]`` the number of the nearest of ``azimuths [..., M]``, ``[..., N]``."""
    return apart(azimuths[..., None, :], wanted[:, None]).argmin(-1)


def training_items(data: DataModule, title: str) -> Iterator[tuple[int, Item]]:
    """At most `LIMIT` random training samples and their numbers, without augmentation; corrupt ones are left out."""
    samples = data.samples("train")
    chosen = torch.randperm(len(samples), generator=keyed_generator(Purpose.CHOICE))[:LIMIT]
    for index in tqdm(chosen.tolist(), f"{title} (train)", unit="object", disable=None):
        sample = samples[index]
        if sample.real:
            yield index, sample.item


@dataclass(frozen=True, slots=True)
class TrainingViews:
    """What the anchors need of the training objects.

    Attributes:
        data: serves their views.
        numbers: of M objects in the training split.
        references: ``[M, D]``, their reference pictures, reduced; None = there are none.
        mean: ``[8, 3, H, W]`` in [0, 1], the mean view at each multiple of 45 degrees.
    """

    data: DataModule
    numbers: list[int]
    references: Tensor | None
    mean: Tensor

    @classmethod
    def of(cls, data: DataModule) -> TrainingViews:
        """Reads the training objects."""
        numbers, references = list[int](), list[Tensor]()
        total, count = torch.zeros(()), torch.zeros(BINS)
        for number, item in training_items(data, "Training views"):
            views, places = shares(item["views"]), bins(item["azimuths"])
            if not total.ndim:
                total = torch.zeros(BINS, *views.shape[1:], dtype=torch.float64)
            total.index_add_(0, places, views.double())
            count += places.bincount(minlength=BINS)
            numbers.append(number)
            if "reference" in item:
                references.append(reduced(shares(item["reference"])[None])[0].flatten())
        anywhere = total.sum(0) / count.sum()
        mean = (total / count.view(-1, 1, 1, 1)).where(count.view(-1, 1, 1, 1) > 0, anywhere)
        return cls(data, numbers, torch.stack(references) if references else None, mean.float())

    def nearest(self, reference: Tensor, azimuths: Tensor) -> Tensor:
        """Views ``[N, 3, H, W]`` in [0, 1] of the training object whose reference picture is nearest.

        Args:
            reference: ``[3, H, W]`` in [0, 1].
            azimuths: ``[N]``; the object's views nearest to them are taken.
        """
        assert self.references is not None
        row = reduced(reference[None]).flatten().cpu()
        number = self.numbers[int((self.references - row).square().sum(1).argmin())]
        item = self.data.samples("train")[number].item
        return shares(item["views"])[nearest_azimuths(item["azimuths"], azimuths.cpu())].to(reference.device)


def reduced(pictures: Tensor, side: int = 32) -> Tensor:
    """Pictures ``[N, 3, H, W]`` averaged to ``side`` pixels squared."""
    return F.adaptive_avg_pool2d(pictures, side)
