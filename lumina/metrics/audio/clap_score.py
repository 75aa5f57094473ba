"""CLAP score; needs a local copy of CLAP's weights."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.metrics.audio.clap import Clap
from lumina.metrics.audio.sound_metric import SoundMetric, Sounds, cut
from lumina.values import Batch


class ClapScore(SoundMetric):
    """``clap_score``: mean cosine of sounds and captions in CLAP's space, neither clipped at 0 nor times 100.

    ``clap_score_real`` is that of the real sounds. Long sounds are cut into fixed windows of 10 s and never at random
    (`Clap.cosines`). Published numbers depend on the checkpoint. A sound with NaN or infinity counts as a cosine of 0.

    Args:
        path: folder of a CLAP model in Hugging Face's format, or its model id.
        rate: of the generated and the real sounds, in Hz.
        key: field of the captions.
    """

    total: Tensor
    total_real: Tensor
    count: Tensor
    features: Clap

    def __init__(self, path: str, rate: int = 16_000, key: str = "caption") -> None:
        super().__init__(Clap(path), rate, needs=(key,))
        self.key = key
        for state in ("total", "total_real"):
            self.add_state(state, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, generated: Sounds, batch: Batch) -> None:
        """Adds sounds ``[B, N]`` or a list of ``[N_i]``, generated from ``batch[key]``."""
        self.total += self._cosines(generated, batch).sum()
        self.total_real += self._cosines(batch["sound"], batch).sum()
        self.count += len(generated)

    def results(self) -> dict[str, float]:
        """``clap_score`` and ``clap_score_real``."""
        return {
            "clap_score": (self.total / (self.count + self.missed)).item(),
            "clap_score_real": (self.total_real / self.count).item(),
        }

    def _cosines(self, sounds: Sounds, batch: Batch) -> Tensor:
        return self.features.cosines(cut(sounds, batch), self.rate, batch[self.key], self.device)
