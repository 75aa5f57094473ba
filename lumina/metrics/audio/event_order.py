"""Control over time: whether events are heard when the structured caption says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina.interfaces import DataModule
from lumina.metrics.audio.features import SoundFeatures
from lumina.metrics.audio.real_sounds import Pieces, RealSoundsMetric
from lumina.metrics.audio.sound_metric import Sounds, cut
from lumina.text.structured import parse
from lumina.values import Batch

THIRDS = {"start": 0, "mid": 1, "end": 2}


class Placed(NamedTuple):
    """An event with a place.

    Attributes:
        description: what is heard.
        third: when, 0 to 2.
    """

    description: str
    third: int


class EventOrder(RealSoundsMetric):
    """Measures whether events are heard when the structured caption says. Names of results begin with the network's.

    An event such as ``<a dog barks& start>`` belongs to a third of its sound; events that are heard all the time do not
    count. A linear classifier is trained on the thirds of the training sounds to tell which description each is of. The
    evidence of an event in a third of a sound is the energy there times the probability of its description.

    * ``aisfx_event_share``: share of an event's evidence that lies in its third; 0.33 where the caption has no say.
    * ``aisfx_event_right``: share of events with most evidence in their third; likewise.
    * The suffix ``_real`` marks the same for the real sounds, the most that can be measured.
    * Both are means over sounds, of means over their events; a sound with NaN or infinity counts as 0. Events without a
      training sound of their description are left out.

    To compare a model that gets plain captions with one that gets structured ones, give both the same
    ``batch["structured"]``: it says what is measured, whatever the model was asked by.

    Args:
        features: the network: `Aisfx` for effects, or another.
        rate: of the generated and the real sounds, in Hz.
        key: field of the structured captions.
        cache: folder for the features of the training sounds.
    """

    scores: Tensor
    count: Tensor

    def __init__(
        self,
        features: SoundFeatures,
        rate: int = 16_000,
        key: str = "structured",
        cache: Path = Path("runs/references"),
    ) -> None:
        super().__init__(features, rate, key, cache)
        self.add_state("scores", torch.zeros(4, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def prepare(self, data: DataModule) -> None:
        """Listens to the training sounds.

        Raises:
            FileNotFoundError: the network's weights are missing; the message says where to get them.
            ValueError: the data have another rate or not the fields, or their captions place no two kinds of events.
        """
        super().prepare(data)
        if len(self.known.labels.unique()) < 2:
            raise ValueError(
                f"EventOrder needs training captions {self.key!r} that place events of two kinds or more, such as "
                f"'<a dog barks& start>@<rain& end>'; those of {type(data).__name__} do not."
            )

    def update(self, generated: Sounds, batch: Batch) -> None:
        """Adds sounds ``[B, N]`` or a list of ``[N_i]``, and beside them the real ones, ``batch["sound"]``."""
        events = [self._known_events(text) for text in batch[self.key]]
        drawn, real = self._scores(generated, batch, events), self._scores(batch["sound"], batch, events)
        self.scores += torch.cat((drawn, real)).to(self.device)
        self.count += sum(map(bool, events))

    def results(self) -> dict[str, float]:
        """The four shares.

        Raises:
            ValueError: no caption places an event.
        """
        if not self.count:
            raise ValueError(f"no caption {self.key!r} places an event that the training sounds have")
        share, right, share_real, right_real = self.scores.tolist()
        count, name = int(self.count), self.features.name
        return {
            f"{name}_event_share": share / (count + int(self.missed)),
            f"{name}_event_right": right / (count + int(self.missed)),
            f"{name}_event_share_real": share_real / count,
            f"{name}_event_right_real": right_real / count,
        }

    def _known_events(self, text: str) -> list[Placed]:
        events = placed(text)
        numbers = self.known.numbers([event.description for event in events]).tolist()
        return [event for event, number in zip(events, numbers, strict=True) if number >= 0]

    def pieces(self, batch: Batch) -> Pieces:
        """The thirds of which the captions say what is heard there."""
        sounds, classes = list[Tensor](), list[str]()
        for sound, text in zip(cut(batch["sound"], batch), batch[self.key], strict=True):
            for event in placed(text):
                sounds.append(thirds(sound)[event.third])
                classes.append(event.description)
        return Pieces(sounds, classes)

    def _scores(self, sounds: Sounds, batch: Batch, events: Sequence[Sequence[Placed]]) -> Tensor:
        """``[2]`` float64 on the CPU: sums over sounds of the mean share, and of the part that is right."""
        parts = [part for sound in cut(sounds, batch) for part in thirds(sound)]
        rows = self.features.describe(parts, self.rate, self.device)
        probabilities = self.known.probe.log_probabilities(rows, len(self.known.names)).exp()
        energies = torch.stack([part.double().square().mean() for part in parts]).cpu()
        evidence = (energies[:, None] * probabilities).unflatten(0, (-1, 3))
        scores = [self._of_sound(found, of) for found, of in zip(evidence, events, strict=True) if of]
        return torch.stack(scores).sum(0) if scores else torch.zeros(2, dtype=torch.float64)

    def _of_sound(self, evidence: Tensor, events: Sequence[Placed]) -> Tensor:
        numbers = self.known.numbers([event.description for event in events])
        found = [of_event(evidence[:, number], event.third) for number, event in zip(numbers, events, strict=True)]
        return torch.stack(found).mean(0)


def placed(text: str) -> list[Placed]:
    """The events of a structured caption that are heard in a third; none, if it is not of the grammar."""
    try:
        events = parse(text)
    except ValueError:
        return []
    return [Placed(description, THIRDS[position]) for description, position in events if position in THIRDS]


def thirds(sound: Tensor) -> list[Tensor]:
    """The three thirds of a sound ``[N]``; one of fewer than three samples gets silence."""
    least = F.pad(sound, (0, max(0, 3 - len(sound))))
    return list(least.tensor_split(3))


def of_event(evidence: Tensor, third: int) -> Tensor:
    """Share of an event's ``evidence [3]`` in its third, and whether most is there, ``[2]``; nothing in silence."""
    share = evidence[third] / evidence.sum().clamp_min(torch.finfo(evidence.dtype).tiny)
    others = evidence[[place for place in range(3) if place != third]].max()
    return torch.stack((share, (evidence[third] > others).to(share.dtype)))
