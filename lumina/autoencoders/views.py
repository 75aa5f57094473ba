"""What an autoencoder sees of a batch: pictures, or the mel spectrograms of sounds."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lumina.audio.mel import mel_spectrogram, silence
from lumina.audio.spectrogram import mel_picture
from lumina.autoencoders.seen import Seen
from lumina.interfaces import VAE, DataModule
from lumina.pictures.sheet import as_rgb
from lumina.values import Batch, MelConvention


class View(ABC):
    """Turns a batch into data, and data into pictures.

    Class attributes:
        batch_keys: fields of the batch that are read.

    Attributes:
        unit: what differences are multiplied by to be reported.
        names: of the reported mean absolute difference, and of the shares of detail along the last two axes.
    """

    batch_keys: ClassVar[tuple[str, ...]]
    unit: float = 1.0
    names: tuple[str, str, str]

    @abstractmethod
    def seen(self, batch: Batch) -> Seen:
        """What the network sees of a batch.

        Raises:
            ValueError: the samples have no common size.
        """

    @abstractmethod
    def tile(self, data: Tensor) -> Tensor:
        """One sample of the data as a picture ``[3, H, W]`` in [-1, 1]."""

    def check(self, data: DataModule) -> None:
        """Refuses a datamodule whose samples cannot be seen.

        Raises:
            ValueError: names what is missing or differs.
        """
        missing = [name for name in self.batch_keys if name not in data.batch_keys]
        if missing:
            raise ValueError(
                f"{type(data).__name__} has no {', '.join(map(repr, missing))}, which this autoencoder reads; it has: "
                f"{', '.join(data.batch_keys)}. Choose a datamodule that yields it."
            )


class Pictures(View):
    """The field ``image``, ``[B, 3, H, W]`` in [-1, 1]; grey pictures get three channels."""

    batch_keys = ("image",)
    names = ("l1", "detail_down", "detail_across")

    def seen(self, batch: Batch) -> Seen:
        """The pictures, all of which are real."""
        if not isinstance(batch["image"], Tensor):
            raise ValueError("an autoencoder is trained on pictures of one size; set the datamodule's size and shape.")
        return Seen(data=as_rgb(batch["image"]).float())

    def tile(self, data: Tensor) -> Tensor:
        """``[3, H, W]``, as it is."""
        return data


class Spectrograms(View):
    """The mel spectrogram of the field ``sound``; frames that start after ``length`` samples are not real.

    Shorter sounds of a batch are continued by silence, which the network sees and nothing counts.

    Args:
        convention: of the spectrograms.
    """

    batch_keys = ("sound", "length")
    names = ("l1_log10", "detail_bands", "detail_time")

    def __init__(self, convention: MelConvention) -> None:
        self.convention = convention
        self.unit = math.log10(convention.base)

    def check(self, data: DataModule) -> None:
        """Refuses also sounds at another rate."""
        super().check(data)
        rate = getattr(data, "rate", self.convention.rate)
        if rate != self.convention.rate:
            raise ValueError(
                f"data.rate={rate}, but the mel spectrograms of {self.convention.name!r} are of sounds at "
                f"{self.convention.rate} samples a second; set data.rate to that."
            )

    def seen(self, batch: Batch) -> Seen:
        """``[B, bands, T]`` and the mask."""
        sounds = batch["sound"]
        if isinstance(sounds, Tensor):
            mel = mel_spectrogram(sounds, self.convention)
        else:
            each = [mel_spectrogram(sound, self.convention).T for sound in sounds]
            mel = pad_sequence(each, batch_first=True, padding_value=silence(self.convention)).mT
        starts = torch.arange(mel.shape[-1], device=mel.device) * self.convention.hop
        return Seen(data=mel, mask=starts < batch["length"].to(mel.device)[:, None])

    def tile(self, data: Tensor) -> Tensor:
        """``[3, bands, W]``, time to the right, frequency upwards."""
        return mel_picture(data, self.convention)


def view_of(network: VAE) -> View:
    """What a network takes."""
    return Pictures() if network.convention is None else Spectrograms(network.convention)


def beside(view: View, samples: Sequence[Tensor]) -> list[Tensor]:
    """Each original above its reconstruction, as one picture.

    Args:
        view: of the data.
        samples: ``[2, ...]`` each, the original first.
    """
    return [torch.cat([view.tile(data) for data in pair.float()], dim=1) for pair in samples]
