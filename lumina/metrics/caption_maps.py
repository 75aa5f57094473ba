"""Reading a caption off a picture's features: linear maps, each fitted without the captions that it is asked about."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

FOLDS = 5
TIE = 1e-9  # closer cosines are one and the same


class Retrieval(NamedTuple):
    """How well each picture says its caption.

    Attributes:
        rank: ``[N]`` int64, captions nearer to the picture than its own; 0 is best.
        cosine: ``[N]`` float64, of what is read off the picture and its own caption.
    """

    rank: Tensor
    cosine: Tensor

    def summary(self) -> dict[str, float]:
        """Shares with the own caption among the nearest 1, 5 and 10; median rank, from 1; mean cosine."""
        recalls = {f"recall_{k}": (self.rank < k).double().mean().item() for k in (1, 5, 10)}
        median = self.rank.double().quantile(0.5).item() + 1
        return {**recalls, "median_rank": median, "cosine": self.cosine.mean().item()}


class CaptionMaps:
    """Ridge regression from a picture's features to the embedding of its caption, cross-fitted.

    Captions are dealt into five folds by a checksum. The map of a fold is fitted on the real pictures of the other
    four, so a picture, real or generated, is read by a map that saw neither its caption nor the real picture of it. A
    generated copy of a real picture scores exactly what the real one scores: learning by heart gains nothing here.

    Args:
        features: ``[M, D]`` of real pictures.
        text: ``[M, C]`` of their captions.
        folds: ``[M]`` of their captions.
        ridge: added to the Gram matrix of the standardised features; above 0.

    Raises:
        ValueError: a fold's map would be fitted on fewer than two pictures.
    """

    def __init__(self, features: Tensor, text: Tensor, folds: Tensor, ridge: float = 400.0) -> None:
        self.centre = text.double().mean(0)
        self._maps = [_fit(features[folds != fold], text[folds != fold], ridge) for fold in range(FOLDS)]

    def read(self, features: Tensor, folds: Tensor) -> Tensor:
        """What is read off pictures, without the mean caption.

        Args:
            features: ``[N, D]``.
            folds: ``[N]``, of the captions that the pictures were asked to show.

        Returns:
            ``[N, C]`` of length 1.
        """
        said = torch.stack([(features.double() - mean) @ weight for mean, weight in self._maps])
        return F.normalize(said[folds, torch.arange(len(folds))])

    def retrieve(self, said: Tensor, text: Tensor, candidates: Tensor) -> Retrieval:
        """Ranks each picture's caption among the candidates.

        Args:
            said: ``[N, C]`` of `read`.
            text: ``[N, C]``, the pictures' own captions.
            candidates: ``[M, C]``, all captions; the own one may be among them.
        """
        own, others = (F.normalize(rows.double() - self.centre) for rows in (text, candidates))
        cosine = (said * own).sum(1)
        return Retrieval(((said @ others.mT) > cosine[:, None] + TIE).sum(1), cosine)


def folds_of(captions: Sequence[str]) -> Tensor:
    """``[N]``, the fold of each caption."""
    return torch.tensor([zlib.crc32(caption.encode()) % FOLDS for caption in captions], dtype=torch.int64)


def _fit(features: Tensor, text: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    if len(features) < 2:
        raise ValueError(f"caption retrieval got {len(features)} real pictures to fit a map on: give more data.")
    features, text = features.double(), text.double()
    mean, scale = features.mean(0), features.std(0) + 1e-6
    rows = (features - mean) / scale
    gram = rows.mT @ rows + ridge * torch.eye(rows.shape[1], dtype=torch.float64)
    return mean, torch.linalg.solve(gram, rows.mT @ (text - text.mean(0))) / scale[:, None]
