"""Filter banks against librosa's, and the way back to linear magnitudes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from real_sounds import real_sounds

from lumina.audio.bands import filter_bank, held, to_bands, to_linear
from lumina.audio.conventions import CONVENTIONS, MAKE_AN_AUDIO, SPEECH_T5
from lumina.audio.frames import magnitudes

CPU = torch.device("cpu")


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=list(CONVENTIONS))
def test_the_bank_is_librosas(convention):
    filters = pytest.importorskip("librosa.filters")
    theirs = filters.mel(
        sr=convention.rate,
        n_fft=convention.fft,
        n_mels=convention.bands,
        fmin=convention.low,
        fmax=convention.high,
    )
    assert np.abs(filter_bank(convention, CPU).numpy() - theirs).max() < 1e-6


def test_the_way_back_has_the_same_bands_and_nothing_below_zero():
    bands = torch.cat([to_bands(magnitudes(sound, MAKE_AN_AUDIO), MAKE_AN_AUDIO) for sound in real_sounds()], -1)
    linear = to_linear(bands, MAKE_AN_AUDIO)
    assert linear.min() >= 0
    error = (to_bands(linear, MAKE_AN_AUDIO).clamp(min=1e-5) / bands.clamp(min=1e-5)).log10().abs().mean()
    assert error < 1e-3


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=list(CONVENTIONS))
def test_the_way_back_is_finite_for_silence_and_for_one_band(convention):
    bands = torch.zeros(convention.bands, 2)
    bands[3, 1] = 1
    linear = to_linear(bands, convention)
    assert linear.isfinite().all()
    assert (linear[:, 0] == 0).all()
    assert to_bands(linear, convention)[:, 1].argmax() == 3


def test_bins_beyond_the_bank_are_held():
    linear = held(torch.arange(513.0)[:, None], SPEECH_T5)[:, 0]
    inside = filter_bank(SPEECH_T5, CPU).sum(0) > 0
    assert (linear[inside] == torch.arange(513.0)[inside]).all()
    assert (linear[:5] == linear[6]).all()
    assert linear[-1] == linear[inside][-1]
