"""Padding and magnitudes of the short Fourier transform."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lumina.audio.conventions import AUDIO_LDM, MAKE_AN_AUDIO, SPEECH_T5
from lumina.audio.frames import magnitudes, padding, reflected


@pytest.mark.parametrize("samples", [1, 2, 3, 100, 385, 2000])
def test_reflection_is_numpys(samples):
    sound = torch.randn(2, samples)
    expected = np.pad(sound.numpy(), ((0, 0), (384, 384)), mode="reflect")
    assert torch.equal(reflected(sound, 384), torch.from_numpy(expected))


def test_padding_is_that_of_the_conventions():
    assert [padding(convention) for convention in (MAKE_AN_AUDIO, SPEECH_T5, AUDIO_LDM)] == [384, 512, 432]


def test_centred_frames_are_those_of_torch():
    sound = torch.randn(3, 2, 4000)
    expected = torch.stft(
        sound.flatten(0, 1).double(), 1024, 256, window=torch.hann_window(1024).double(), return_complex=True
    ).abs()
    torch.testing.assert_close(magnitudes(sound, SPEECH_T5).flatten(0, 1), expected)
