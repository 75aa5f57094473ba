"""Quality of text-conditional pictures, with standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.bootstrap import Bootstrap, Estimate
from lumina.interfaces import DataModule
from lumina.metrics.caption_judge import CaptionJudge, Sentences
from lumina.metrics.captioned_pictures import real_pictures
from lumina.metrics.frechet import frechet_distance
from lumina.metrics.image_features import Lite0

Quality = Mapping[str, Estimate]
"""Named measures."""

TITLES = {
    "error": "error",
    "cosine": "caption cosine",
    "recall_10": "caption in 10",
    "frechet": "FD-lite0",
    "crop_cosine": "crops' cosine",
    "crop_recall_10": "crops' caption in 10",
}
GREATER_IS_BETTER = {"cosine", "recall_10"}
SEPARATE = 2.0  # standard errors of a difference that make it one
NAMED = 5  # names of indistinguishable results to list; more are only counted


class Judge:
    """Measures pictures of one list of prompts.

    Args:
        data: captioned pictures.
        captions: N, the prompts.
        device: where features are computed.
        cache: keeps the features of the real pictures.

    Attributes:
        components: on which the Frechet distance is taken.
        bootstrap: resamples the prompts.
    """

    def __init__(self, data: DataModule, captions: Sequence[str], device: torch.device, cache: Path) -> None:
        self._network, self._captions = Lite0().eval().requires_grad_(False).to(device), list(captions)
        self.components = min(64, max(2, len(captions) // 4))  # few prompts do not determine a larger covariance
        self._judge = CaptionJudge(real_pictures(data, self._network, cache), Sentences(), self.components)
        self.bootstrap = Bootstrap(len(captions))

    def whole(self, pictures: Tensor) -> dict[str, Estimate]:
        """Retrieval and Frechet distance of ``pictures [N, 3, H, W]``."""
        features = self._network.describe(pictures).cpu()
        points, reference = self._judge.project(features), self._judge.reference
        frechet = self.bootstrap(lambda chosen: frechet_distance(points[chosen], reference))
        return {**self._retrieval(features, self._captions), "frechet": frechet}

    def crops(self, crops: Tensor) -> dict[str, Estimate]:
        """Retrieval from ``crops [N, K, 3, H, W]``, the mean over all."""
        captions = [caption for caption in self._captions for _ in range(crops.shape[1])]
        features = self._network.describe(crops.flatten(0, 1)).cpu()
        return {f"crop_{name}": value for name, value in self._retrieval(features, captions).items()}

    def mismatched(self, pictures: Tensor) -> dict[str, Estimate]:
        """Retrieval of other captions than those of ``pictures [N, 3, H, W]``: chance."""
        features = self._network.describe(pictures).cpu()
        return self._retrieval(features, self._captions, self._judge.other_captions(self._captions))

    def held_out(self) -> dict[str, Estimate]:
        """Frechet distance of N real pictures that are not in the reference: as low as one can be."""
        points = self._judge.project(self._judge.other_half[: len(self._captions)])
        bootstrap = Bootstrap(len(points))
        return {"frechet": bootstrap(lambda chosen: frechet_distance(points[chosen], self._judge.reference))}

    def _retrieval(
        self, features: Tensor, captions: Sequence[str], claimed: Sequence[str] | None = None
    ) -> dict[str, Estimate]:
        found = self._judge.retrieve(features, captions, claimed)
        cosine, hits = (
            values.double().view(len(self._captions), -1).mean(1) for values in (found.cosine, found.rank < 10)
        )
        return {
            "cosine": self.bootstrap(lambda chosen: cosine[chosen].mean().item()),
            "recall_10": self.bootstrap(lambda chosen: hits[chosen].mean().item()),
        }


def best(qualities: Mapping[str, Quality], measure: str) -> tuple[str, list[str]]:
    """The best of named qualities by a measure, and those that are not distinguishable from it.

    Two are told apart where their difference, over the same resampled prompts, is above two standard errors.
    """
    sign = -1 if measure in GREATER_IS_BETTER else 1
    values = {name: quality[measure] for name, quality in qualities.items()}
    first = min(values, key=lambda name: sign * values[name].value)
    behind = {name: value - values[first] for name, value in values.items() if name != first}
    return first, [name for name, gap in behind.items() if sign * gap.value <= SEPARATE * gap.error]


def comparison(qualities: Mapping[str, Quality], measure: str) -> str:
    """One sentence on the best result."""
    first, tied = best(qualities, measure)
    others = len(qualities) - 1
    named = ", ".join(tied) if len(tied) <= NAMED else f"{len(tied)} of {others} others"
    told = f"not told apart from it: {named}" if tied else "ahead of all others"
    return f"{TITLES[measure]}: {first} ({qualities[first][measure]:.3g}), {told}"


def table(rows: Mapping[str, Quality], measures: Sequence[str], first: str) -> str:
    """Markdown: a row for each name, a column for each measure."""
    lines = [[first, *(TITLES[measure] for measure in measures)], ["---"] * (1 + len(measures))]
    for name, quality in rows.items():
        cells = [f"{quality[measure]:.3g}" if measure in quality else "" for measure in measures]
        lines.append([name, *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rounded(rows: Mapping[str, Quality]) -> dict[str, dict[str, dict[str, float]]]:
    """For a JSON document."""
    return {name: {measure: value.rounded() for measure, value in row.items()} for name, row in rows.items()}
