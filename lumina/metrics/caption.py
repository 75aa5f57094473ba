"""Quality of text-conditional pictures, measured by caption retrieval against the real pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from lumina.frozen.network import Frozen
from lumina.interfaces import DataModule
from lumina.metrics.caption_judge import MINILM, CaptionJudge, Sentences
from lumina.metrics.caption_maps import Retrieval
from lumina.metrics.captioned_pictures import real_pictures
from lumina.metrics.image_features import Lite0
from lumina.metrics.robust import RobustMetric
from lumina.values import Batch

STATES = ("features", "own", "real", "other")


class CaptionQuality(RobustMetric):
    """Measures whether generated pictures match their captions and have the statistics of real pictures.

    A linear map from the features of an ImageNet classifier to the embeddings of a sentence encoder is fitted on the
    real pictures of the data set. It is cross-fitted, so the map applied to a picture was never trained on its caption
    (`CaptionMaps`). The captions of all real pictures are ranked by their cosine similarity to the map's output. The
    embeddings are centred, so two random captions have a cosine of 0 on average.

    * ``recall_1``, ``recall_5``, ``recall_10``: share of pictures whose caption ranks among the first 1, 5 or 10.
    * ``median_rank``: of the caption; 1 is best. ``captions`` is the number of captions.
    * ``cosine``: mean cosine between the predicted embedding and that of the caption.
    * The suffix ``_real`` marks the same values for real pictures with the same captions; ``_other`` those for the
      generated pictures with captions of other pictures, which is chance level.
    * A picture with NaN or infinity ranks last, with a cosine of 0.
    * ``frechet``: Frechet distance of the classifier's features between the generated pictures and half of the real
      ones; ``frechet_real``: between equally many pictures of the other half and the same reference, if there are
      enough. The distance grows as the number of pictures falls. Unlike retrieval it rewards copies: memorised
      pictures may score better than unseen real ones.

    This is neither a CLIP score nor an FID: it compares models on one data set. On the 1,854 Fluent emoji the real
    pictures reach recall_10 0.32, median rank 40 and cosine 0.36. ConSE (Norouzi et al., 2014), which needs no fit and
    mixes the embeddings of the classifier's ten most likely class names, reaches 0.05 and 716: ImageNet's classes
    barely distinguish emoji.

    Args:
        size: pixels to which pictures are resized before the classifier.
        components: principal components of the features used for the Frechet distance.
        sentences: folder, package or id of a sentence encoder that averages its token states.
        key: field of the captions.
        cache: folder for the features of the real pictures.
    """

    full_state_update = False
    features: list[Tensor]
    own: list[Tensor]
    real: list[Tensor]
    other: list[Tensor]

    def __init__(
        self,
        size: int = 128,
        components: int = 64,
        sentences: str = MINILM,
        key: str = "caption",
        cache: Path = Path("runs/references"),
    ) -> None:
        super().__init__()
        self.components, self.sentences, self.key, self.cache = components, sentences, key, Path(cache)
        for state in STATES:
            self.add_state(state, default=[], dist_reduce_fx="cat")
        self._network = Frozen(partial(Lite0, size))
        self._judge: CaptionJudge | None = None

    @torch.inference_mode(False)
    def prepare(self, data: DataModule) -> None:
        """Computes the features of the real pictures, or reads them from the cache.

        Raises:
            ValueError: the data have no pictures or no captions.
        """
        if self._judge is None:
            pictures = real_pictures(data, self._network.on(self.device), self.cache, self.key)
            self._judge = CaptionJudge(pictures, Sentences(self.sentences), self.components)

    def update(self, generated: Tensor | Sequence[Tensor], batch: Batch) -> None:
        """Adds pictures in [-1, 1], ``[B, 3, H, W]`` or a list of ``[3, H, W]``, generated from ``batch[key]``."""
        judge, captions = self._judge, batch[self.key]
        assert judge is not None
        features = self._network.on(self.device).describe(generated)
        self.features.append(features)
        self.own.append(self._state(judge.retrieve(features, captions)))
        self.other.append(self._state(judge.retrieve(features, captions, judge.other_captions(captions))))
        real, real_captions = judge.real(captions)
        self.real.append(self._state(judge.retrieve(real, real_captions)))

    def results(self) -> dict[str, float]:
        """Recalls, ranks, cosines and Frechet distances as the class describes them."""
        judge, features = self._judge, dim_zero_cat(self.features)
        assert judge is not None
        report = {"captions": float(len(judge.captions))}
        worst = torch.tensor([[float(len(judge.captions)), 0.0]], dtype=torch.float64).repeat(int(self.missed), 1)
        for state, suffix in (("own", ""), ("real", "_real"), ("other", "_other")):
            pairs = dim_zero_cat(getattr(self, state)).cpu()
            rank, cosine = (torch.cat((pairs, worst)) if state == "own" else pairs).unbind(1)
            if len(rank):
                report |= {name + suffix: value for name, value in Retrieval(rank, cosine).summary().items()}
        with self.attempt("frechet, frechet_real"):
            report["frechet"] = judge.frechet(features)
            report["frechet_real"] = judge.frechet(judge.other_half[: len(features)])
        return report

    def _state(self, retrieval: Retrieval) -> Tensor:
        """``[B, 2]``: rank and cosine of each picture."""
        return torch.stack((retrieval.rank.double(), retrieval.cosine), 1).to(self.device)
