"""Sounds that samples start from: what is kept of them, in samples and in tokens."""

import math

import pytest
import soundfile
import torch

from lumina.audio.start import MARGIN, KnownSound

RATE, CELL = 16_000, 512


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sound.wav"
    soundfile.write(path, torch.rand(2 * RATE).numpy() - 0.5, RATE)
    return path


def known(file, samples, *keep):
    return KnownSound.of(file, RATE, samples, keep or None)


def test_no_more_is_read_than_a_sample_has(file):
    assert len(known(file, RATE).sound) == RATE and len(known(file, 5 * RATE).sound) == 2 * RATE


def test_after_its_end_it_runs_backwards(file):
    sound = known(file, 5 * RATE)
    filled = sound.filled(5 * RATE)
    assert torch.equal(filled[: 2 * RATE], sound.sound)
    assert torch.equal(filled[2 * RATE : 4 * RATE - 2], sound.sound[1:-1].flip(0))
    assert torch.equal(known(file, RATE).filled(RATE), sound.sound[:RATE])


@pytest.mark.parametrize("keep", [(0, 1.0), (0.5, 1.5), (0.7, math.inf)])
def test_tokens_that_stay_lie_a_margin_within_the_parts(file, keep):
    """Each of them lies in what stays, with a margin at seams and none at the edges of the sample."""
    samples = 2 * RATE
    sound = known(file, samples, keep)
    ((first, last),) = sound.parts
    count = math.ceil(samples / CELL)
    kept = sound.kept_tokens(count, CELL).nonzero()[:, 0].tolist()
    before, after = (0 if first == 0 else MARGIN), (0 if last == samples else MARGIN)
    assert kept == [
        k for k in range(count)
        if first + before * CELL <= k * CELL and min((k + 1) * CELL, samples) <= last - after * CELL
    ]  # fmt: skip
    assert kept


def test_nothing_stays_where_nothing_is_kept(file):
    assert known(file, RATE).parts is None and not known(file, RATE).kept_tokens(32, CELL).any()


def test_what_stays_is_put_back_into_each_sample(file):
    sound = known(file, 3 * RATE, (0, 1.0))
    for drawn in sound.restore([torch.zeros(3 * RATE), torch.rand(3 * RATE)]):
        assert torch.equal(drawn[:RATE], sound.sound[:RATE])
