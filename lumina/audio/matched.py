"""A vocoder for spectrograms of another convention than its own."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lumina.audio.mel import convert, require_convertible
from lumina.interfaces import Vocoder
from lumina.values import MelConvention


def matched(vocoder: Vocoder, convention: MelConvention) -> Vocoder:
    """The vocoder itself if it takes spectrograms of ``convention``, otherwise one that converts them first.

    Raises:
        ValueError: they cannot be converted, as rate, hop or window differ; names both numbers.
    """
    theirs = vocoder.convention
    if replace(theirs, name=convention.name) == convention:
        return vocoder
    try:
        require_convertible(convention, theirs)
    except ValueError as error:
        raise ValueError(
            f"the vocoder does not fit the autoencoder: {error}. Choose a vocoder of {convention.rate} Hz and a hop of "
            f"{convention.hop} samples, or lumina.audio.griffin_lim.GriffinLim, which takes any convention"
        ) from error
    return _Converting(vocoder, convention)


class _Converting(Vocoder):
    def __init__(self, vocoder: Vocoder, convention: MelConvention) -> None:
        self.convention = convention
        self._vocoder = vocoder

    def sound(self, mel: Tensor) -> Tensor:
        """``[B, bands, T]`` to ``[B, T * hop]``."""
        frames = mel.shape[-1]
        if self.convention.centred and not self._vocoder.convention.centred:
            mel = torch.cat([mel, mel[..., -1:]], -1)  # conversion takes one away
        converted = convert(mel, self.convention, self._vocoder.convention)
        return self._vocoder.sound(converted)[..., : frames * self.convention.hop]
