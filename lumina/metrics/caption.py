"""Quality of pictures made from captions, measured by what can be read off real ones."""

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
    """Can the caption be read off the picture, and do the pictures have the statistics of real ones?

    Retrieval: a linear map from the features of an ImageNet classifier to the embeddings of a sentence encoder, fitted
    on the data's real pictures (each picture is read by a map that never saw its caption: `CaptionMaps`), ranks the
    captions of all real pictures by their cosine with what it reads. All that is reported comes from centred
    embeddings, of which two captions have a cosine of 0 on average.

    * ``recall_1``, ``recall_5``, ``recall_10``: share of pictures whose caption is among the nearest so many.
    * ``median_rank``: of the caption, 1 is best; ``captions`` is how many there are.
    * ``cosine``: mean, between what is read off a picture and its caption.
    * the same with ``_real``: of the real pictures of those captions that have one; and with ``_other``: of the
      generated pictures with the captions of others, which is chance.
    * A picture with NaN says nothing: its caption ranks last, with a cosine of 0.
    * ``frechet``: Frechet distance of the classifier's features, generated against half of the real pictures;
      ``frechet_real``: as many of the other half's, where it has as many. It grows as the pictures get fewer. Unlike
      retrieval it rewards copies: pictures learnt by heart may come closer than unseen real ones.

    This is no CLIP score and no FID: it compares models on one data set. On the 1,854 Fluent emoji the real pictures
    reach recall_10 0.32, median rank 40 and cosine 0.36. Mixing the embeddings of the classifier's ten likeliest class
    names instead (ConSE, Norouzi et al. 2014), which fits nothing, reaches 0.05 and 716: ImageNet's classes hardly
    tell emoji apart.

    Args:
        size: pixels that pictures are brought to before they are looked at.
        components: principal components of the features on which the Frechet distance is taken.
        sentences: folder, package or id of a sentence encoder whose sentences are the mean of their tokens.
        key: field of the captions.
        cache: folder that keeps the features of the real pictures.
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
        """Looks at the real pictures, or reads what was kept of them.

        Raises:
            ValueError: the data have no pictures or no captions.
        """
        if self._judge is None:
            pictures = real_pictures(data, self._network.on(self.device), self.cache, self.key)
            self._judge = CaptionJudge(pictures, Sentences(self.sentences), self.components)

    def update(self, generated: Tensor | Sequence[Tensor], batch: Batch) -> None:
        """Takes in pictures in [-1, 1], ``[B, 3, H, W]`` or a list of ``[3, H, W]``, made from ``batch[key]``."""
        judge, captions = self._judge, batch[self.key]
        assert judge is not None
        features = self._network.on(self.device).describe(generated)
        self.features.append(features)
        self.own.append(self._state(judge.retrieve(features, captions)))
        self.other.append(self._state(judge.retrieve(features, captions, judge.strangers(captions))))
        real, known = judge.real(captions)
        self.real.append(self._state(judge.retrieve(real, known)))

    def results(self) -> dict[str, float]:
        """The report."""
        judge, features = self._judge, dim_zero_cat(self.features)
        assert judge is not None
        report = {"captions": float(len(judge.captions))}
        nothing = torch.tensor([[float(len(judge.captions)), 0.0]], dtype=torch.float64).repeat(int(self.missed), 1)
        for state, suffix in (("own", ""), ("real", "_real"), ("other", "_other")):
            found = dim_zero_cat(getattr(self, state)).cpu()
            rank, cosine = (torch.cat((found, nothing)) if state == "own" else found).unbind(1)
            if len(rank):
                report |= {name + suffix: value for name, value in Retrieval(rank, cosine).summary().items()}
        with self.attempt("frechet, frechet_real"):
            report["frechet"] = judge.frechet(features)
            report["frechet_real"] = judge.frechet(judge.other_half[: len(features)])
        return report

    def _state(self, found: Retrieval) -> Tensor:
        """``[B, 2]``."""
        return torch.stack((found.rank.double(), found.cosine), 1).to(self.device)
