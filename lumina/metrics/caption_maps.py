"""Cross-fitted linear maps from picture features to caption embeddings."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

FOLDS = 5
TIE = 1e-9  # cosines within this distance are equal


class Retrieval(NamedTuple):
    """How well each picture matches its caption.

    Attributes:
        rank: ``[N]`` int64, number of captions more similar to the picture than its own; 0 is best.
        cosine: ``[N]`` float64, cosine between the embedding predicted from the picture and that of its caption.
    """

    rank: Tensor
    cosine: Tensor

    def summary(self) -> dict[str, float]:
        """``recall_1``, ``recall_5`` and ``recall_10``, the median rank (1 is best) and the mean cosine."""
        recalls = {f"recall_{k}": (self.rank < k).double().mean().item() for k in (1, 5, 10)}
        median = self.rank.double().quantile(0.5).item() + 1
        return {**recalls, "median_rank": median, "cosine": self.cosine.mean().item()}


class CaptionMaps:
    """Ridge regression from a picture's features to the embedding of its caption, cross-fitted.

    A checksum assigns each caption to one of five folds. The map of a fold is fitted on the real pictures of the other
    four. The map applied to a picture, real or generated, has therefore seen neither its caption nor the real picture
    with that caption. A generated copy of a real picture scores exactly as the real one: memorisation gains nothing.

    Args:
        features: ``[M, D]``, of the real pictures.
        text: ``[M, C]``, embeddings of their captions.
        folds: ``[M]``, folds of their captions.
        ridge: added to the diagonal of the Gram matrix of the standardised features; above 0.

    Raises:
        ValueError: a map would be fitted on fewer than two pictures.
    """

    def __init__(self, features: Tensor, text: Tensor, folds: Tensor, ridge: float = 400.0) -> None:
        self.centre = text.double().mean(0)
        self._maps = [_fit(features[folds != fold], text[folds != fold], ridge) for fold in range(FOLDS)]

    def read(self, features: Tensor, folds: Tensor) -> Tensor:
        """Predicts the centred caption embedding of each picture.

        Args:
            features: ``[N, D]``.
            folds: ``[N]``, folds of the captions from which the pictures were generated.

        Returns:
            ``[N, C]``, unit vectors.
        """
        predicted = torch.stack([(features.double() - mean) @ weight for mean, weight in self._maps])
        return F.normalize(predicted[folds, torch.arange(len(folds))])

    def retrieve(self, predicted: Tensor, text: Tensor, candidates: Tensor) -> Retrieval:
        """Ranks each picture's caption among the candidates.

        Args:
            predicted: ``[N, C]``, as `read` returns it.
            text: ``[N, C]``, embeddings of the pictures' captions.
            candidates: ``[M, C]``, embeddings of all captions; a picture's own caption may be among them.
        """
        target, others = (F.normalize(rows.double() - self.centre) for rows in (text, candidates))
        cosine = (predicted * target).sum(1)
        return Retrieval(((predicted @ others.mT) > cosine[:, None] + TIE).sum(1), cosine)


def folds_of(captions: Sequence[str]) -> Tensor:
    """The fold of each caption, ``[N]`` int64."""
    return torch.tensor([zlib.crc32(caption.encode()) % FOLDS for caption in captions], dtype=torch.int64)


def _fit(features: Tensor, text: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    if len(features) < 2:
        raise ValueError(f"caption retrieval got {len(features)} real pictures to fit a map on: give more data.")
    features, text = features.double(), text.double()
    mean, scale = features.mean(0), features.std(0) + 1e-6
    rows = (features - mean) / scale
    gram = rows.mT @ rows + ridge * torch.eye(rows.shape[1], dtype=torch.float64)
    return mean, torch.linalg.solve(gram, rows.mT @ (text - text.mean(0))) / scale[:, None]
