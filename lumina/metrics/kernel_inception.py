"""KID: quality of generated pictures where there are too few of them for FID."""

from __future__ import annotations

from pathlib import Path

from lumina.interfaces import DataModule
from lumina.metrics.inception_features import InceptionFeatures
from lumina.metrics.kernel_distance import kernel_distance


class KernelInceptionDistance(InceptionFeatures):
    """``kid``: kernel distance of Inception's ``pool_3`` features, a mean over random subsets; ``kid_std`` over them.

    Unbiased for any number of pictures (Binkowski et al., 2018). Tables often print it x 100 or x 1,000.

    Args:
        weights: torch-fidelity's ``weights-inception-2015-12-05-6726825d.pth``.
        reference: an npz file of ADM's with pictures; None = the data's training split, measured once.
        cache: folder that keeps what was measured.
        subsets: number of subsets.
        subset_size: pictures of each set in a subset; published numbers have 1,000.
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
        """Reads Inception and the reference.

        Raises:
            FileNotFoundError: a file is missing; the message says where it is published.
            ValueError: the reference has no pictures, or fewer than a subset.
        """
        super().prepare(data)
        real = self.real.features
        if real is None:
            raise ValueError(
                f"reference {self.reference} holds statistics alone, but KID needs pictures: give a file with arr_0, "
                "or leave `reference` out to compare with the training pictures."
            )
        if len(real) < self.subset_size:
            raise ValueError(
                f"KID of subsets of {self.subset_size} pictures needs as many real ones, got {len(real)}: lower the "
                "metric's subset_size."
            )

    def results(self) -> dict[str, float]:
        """The report."""
        features, real = self.sorted_features(), self.real.features
        assert real is not None
        if len(features) < self.subset_size:
            raise ValueError(
                f"KID of subsets of {self.subset_size} pictures needs as many generated ones, got {len(features)}: "
                "lower the metric's subset_size, or generate more."
            )
        found = kernel_distance(features.cpu(), real.cpu(), self.subsets, self.subset_size)
        return {"kid": found.mean, "kid_std": found.std}
