"""Base class of the metrics of sounds."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lumina.interfaces import DataModule
from lumina.metrics.audio.features import Heard, SoundFeatures
from lumina.metrics.real_batches import require_fields
from lumina.metrics.robust import RobustMetric
from lumina.values import Batch

Sounds = Tensor | Sequence[Tensor]


class SoundMetric(RobustMetric):
    """Listens to sounds with a frozen network.

    Args:
        features: the network.
        rate: of the generated and the real sounds, in Hz.
        needs: fields of the batch that are read beside the sounds.
    """

    full_state_update = False

    def __init__(self, features: SoundFeatures, rate: int = 16_000, needs: Sequence[str] = ()) -> None:
        super().__init__()
        self.features, self.rate, self._needs = features, rate, ("sound", "length", *needs)

    def prepare(self, data: DataModule) -> None:
        """Loads the network, and compares what the metric needs with the data.

        Raises:
            FileNotFoundError: the weights are missing; the message says where to get them.
            ValueError: the data have another rate, or not the fields.
        """
        theirs = getattr(data, "rate", self.rate)
        if theirs != self.rate:
            raise ValueError(
                f"{type(self).__name__} takes sounds at {self.rate} Hz, but {type(data).__name__} yields them at "
                f"{theirs} Hz: set the metric's `rate` to {theirs}."
            )
        require_fields(data, "test", self._needs, type(self).__name__, "Evaluate on data with sounds, not on latents.")
        self.features.ready(self.device)

    def listen(self, sounds: Sounds, batch: Batch) -> list[Heard]:
        """What the network says of each sound, as far as ``batch["length"]``."""
        return self.features.listen(cut(sounds, batch), self.rate, self.device)

    def describe(self, sounds: Sounds, batch: Batch) -> Tensor:
        """Features of each sound, ``[B, D]``, as far as ``batch["length"]``."""
        return self.features.describe(cut(sounds, batch), self.rate, self.device)


def cut(sounds: Sounds, batch: Batch) -> list[Tensor]:
    """Sounds without what lies behind the length of the real one: silence, in the data."""
    return [sound[: max(int(length), 1)] for sound, length in zip(sounds, batch["length"], strict=True)]
