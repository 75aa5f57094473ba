"""KID: quality of generated pictures if there are too few for FID."""

from __future__ import annotations

from pathlib import Path

from lumina.interfaces import DataModule
from lumina.metrics.inception_features import InceptionFeatures
from lumina.metrics.kernel_distance import kernel_distance


class KernelInceptionDistance(InceptionFeatures):
    """``kid`` and ``kid_std``: mean and standard deviation of the kernel distance over random subsets.

    Computed on Inception's ``pool_3`` features. The estimate is unbiased for any number of pictures (Binkowski et al.,
    2018). Tables often print it x 100 or x 1,000.

    Args:
        weights: torch-fidelity's ``weights-inception-2015-12-05-6726825d.pth``.
        reference: an npz file in ADM's format with pictures; None = the data's training split, measured once.
        cache: folder for the statistics of the training split.
        subsets: number of subsets.
        subset_size: pictures drawn from each set; published numbers use 1,000.
    """

    def __init__(
        self,
        weights: Path,
        reference: Path | None = None,
        cache: Path = Path("runs/references"),
        subsets: int = 100,
        subset_size: int = 1000,
    ) -> None:
        super().__init__(weights, reference, cache)
        self.subsets, self.subset_size = subsets, subset_size

    def prepare(self, data: DataModule) -> None:
        """Loads Inception and the reference.

        Raises:
            FileNotFoundError: a file is missing; the message states where to download it.
            ValueError: the reference has no pictures, or fewer than ``subset_size``.
        """
        super().prepare(data)
        real = self.real.features
        if real is None:
            raise ValueError(
                f"reference {self.reference} contains only statistics, but KID needs pictures: use a file with arr_0, "
                "or leave `reference` out to compare with the training pictures."
            )
        if len(real) < self.subset_size:
            raise ValueError(
                f"KID with subset_size={self.subset_size} needs at least that many real pictures, got {len(real)}: "
                "lower the metric's subset_size."
            )

    def results(self) -> dict[str, float]:
        """``kid`` and ``kid_std``.

        Raises:
            ValueError: there are fewer generated pictures than ``subset_size``.
        """
        features, real = self.sorted_features(), self.real.features
        assert real is not None
        if len(features) < self.subset_size:
            raise ValueError(
                f"KID with subset_size={self.subset_size} needs at least that many generated pictures, got "
                f"{len(features)}: lower the metric's subset_size, or generate more."
            )
        distance = kernel_distance(features.cpu(), real.cpu(), self.subsets, self.subset_size)
        return {"kid": distance.mean, "kid_std": distance.std}
