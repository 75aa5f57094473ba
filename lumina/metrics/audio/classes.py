"""Whether sounds are heard as what they should be, and whether they copy the training data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from lumina.interfaces import DataModule
from lumina.metrics.audio.features import SoundFeatures
from lumina.metrics.audio.nearest import copies, nearest
from lumina.metrics.audio.real_sounds import Pieces, RealSoundsMetric
from lumina.metrics.audio.sound_metric import Sounds, cut
from lumina.values import Batch

STATES = ("rows", "real_rows", "labels")


class SoundClasses(RealSoundsMetric):
    """Measures by the training sounds what generated sounds are heard as. Names of results begin with the network's.

    A sound is the mean of its windows' features; near is a small angle between two of them.

    * ``aisfx_nearest``: share of generated sounds whose nearest training sound is of the class asked for;
      ``aisfx_nearest_real``: the same for the training sounds, each among the others.
    * ``aisfx_probe``: share that a linear classifier, trained on the training sounds, hears as the class asked for;
      ``aisfx_probe_real``: the same for the real sounds of the evaluated split.
    * ``aisfx_copies``: share of generated sounds that are nearer to a training sound than 95 % of the training sounds
      are to each other. 0.05 is natural; much more means copies. Training data with duplicates hide them.
    * A sound with NaN or infinity is heard as nothing.

    With `Aisfx`, 0.62 of 206 sound samples of 18 classes have their nearest neighbour in their class.

    Args:
        features: the network: `Aisfx` for effects, `Musicnn` for music, or another.
        rate: of the generated and the real sounds, in Hz.
        key: field of the class: ``name`` = what the file's name begins with, as ``drum`` of ``drum_snare.flac``; or
            another, such as ``label``.
        cache: folder for the features of the training sounds.
    """

    rows: list[Tensor]
    real_rows: list[Tensor]
    labels: list[Tensor]

    def __init__(
        self,
        features: SoundFeatures,
        rate: int = 16_000,
        key: str = "name",
        cache: Path = Path("runs/references"),
    ) -> None:
        super().__init__(features, rate, key, cache)
        for state in STATES:
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def prepare(self, data: DataModule) -> None:
        """Listens to the training sounds.

        Raises:
            FileNotFoundError: the network's weights are missing; the message says where to get them.
            ValueError: the data have another rate or not the fields, or every training sound a class of its own.
        """
        super().prepare(data)
        if len(self.known.names) == len(self.known.labels):
            raise ValueError(
                f"SoundClasses: no two training sounds of {type(data).__name__} are of one class by key={self.key!r}, "
                f"such as {', '.join(self.known.names[:2])}; set key to the field of their classes, such as label."
            )

    def pieces(self, batch: Batch) -> Pieces:
        """Whole sounds."""
        return Pieces(cut(batch["sound"], batch), classes_of(batch, self.key))

    def update(self, generated: Sounds, batch: Batch) -> None:
        """Adds sounds ``[B, N]`` or a list of ``[N_i]``, and beside them the real ones, ``batch["sound"]``."""
        self.rows.append(self.describe(generated, batch))
        self.real_rows.append(self.describe(batch["sound"], batch))
        self.labels.append(self.known.numbers(classes_of(batch, self.key)).to(self.device))

    def results(self) -> dict[str, float]:
        """The five shares; without those of the classifier if there is one class only."""
        rows, real_rows, labels = (dim_zero_cat(state).cpu() for state in (self.rows, self.real_rows, self.labels))
        known, name = self.known, self.features.name
        count = len(labels) + int(self.missed)
        found, among = nearest(rows, known.features), known.among
        report = {
            f"{name}_nearest": int((known.labels[found.place] == labels).sum()) / count,
            f"{name}_nearest_real": (known.labels[among.place] == known.labels).double().mean().item(),
            f"{name}_copies": copies(found, among) / count,
        }
        with self.attempt(f"{name}_probe"):
            report[f"{name}_probe"] = int((known.probe.predict(rows) == labels).sum()) / count
            report[f"{name}_probe_real"] = (known.probe.predict(real_rows) == labels).double().mean().item()
        return report


def classes_of(batch: Batch, key: str) -> list[str]:
    """The class of each sample, as text.

    Args:
        batch: with a field ``key``.
        key: ``name`` = what the file's name begins with, as ``drum`` of ``drum_snare-hard.flac``; any other field = its
            value.

    Raises:
        ValueError: a name is that of a table's row, which tells no class.
    """
    values: Sequence[object] = batch[key].tolist() if isinstance(batch[key], Tensor) else batch[key]
    return [_beginning(str(value)) if key == "name" else str(value) for value in values]


def _beginning(name: str) -> str:
    if re.search(r":\d+$", name):
        raise ValueError(
            f"the sample {name} is a row of a table, whose name tells no class: set the metric's key to a field that "
            "does, such as caption."
        )
    return re.split(r"[\W_]", Path(name).name.lstrip("_"), maxsplit=1)[0]
