"""Windows, resampling and weights of the networks that describe sounds."""

from pathlib import Path

import pytest
import torch
from tiny_features import WINDOW, Tiny
from torch import nn

from lumina.metrics.audio.features import at_least, filled, weights_at, windows_of

CPU = torch.device("cpu")


def test_windows_hold_the_whole_sound():
    sound = torch.arange(1.0, 11.0)
    assert windows_of(sound, 4, 4).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 0, 0]]
    assert windows_of(sound, 4, 3).tolist() == [[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, 9, 10]]
    assert windows_of(sound[:4], 4, 1).tolist() == [[1, 2, 3, 4]]
    assert windows_of(sound[:1], 4, 1).tolist() == [[1, 0, 0, 0]]


def test_short_sounds_get_silence():
    assert at_least(torch.ones(2), 3).tolist() == [1, 1, 0]
    assert at_least(torch.ones(4), 3).tolist() == [1, 1, 1, 1]


def test_each_sound_is_described_alone():
    sounds = [torch.randn(length) for length in (10, 64, 200)]
    heard = Tiny().listen(sounds, 16_000, CPU)
    assert [one.features.shape for one in heard] == [(1, 6), (1, 6), (4, 6)]
    assert torch.equal(heard[2].tags, 3 * heard[2].features)
    assert Tiny(tags=False).listen(sounds, 16_000, CPU)[0].tags is None
    torch.testing.assert_close(Tiny().describe(sounds, 16_000, CPU)[2], heard[2].features.mean(0))


def test_sounds_of_another_rate_are_resampled():
    (heard,) = Tiny().listen([torch.zeros(8 * WINDOW)], 32_000, CPU)
    assert len(heard.features) == 4


def test_a_sound_beyond_one_is_heard_as_its_file_sounds():
    """Powers of a sound that grew without bound would be infinite, and its features NaN."""
    sound = torch.rand(64) * 2 - 1
    whole, grown = Tiny().listen([sound / sound.abs().max(), sound * 1e30], 16_000, CPU)
    torch.testing.assert_close(whole.features, grown.features)
    quiet, quieter = Tiny().listen([sound / 4, sound / 8], 16_000, CPU)
    assert not torch.equal(quiet.features, quieter.features)


def test_windows_are_taken_in_parts():
    features = Tiny()
    sound = torch.randn(100 * WINDOW)
    together = features.listen([sound], 16_000, CPU)[0].features
    features.at_once = 7
    torch.testing.assert_close(features.listen([sound], 16_000, CPU)[0].features, together)


def test_the_identity_is_that_of_the_weights():
    same, other = Tiny(), Tiny()
    assert same.identity(CPU) == other.identity(CPU)
    other.ready(CPU).map.data += 1
    assert same.identity(CPU) != other.identity(CPU)


def test_missing_weights_are_told():
    with pytest.raises(
        FileNotFoundError, match=r"Ear's weights none\.pth do not exist: download http://x to that path"
    ):
        weights_at(Path("none.pth"), "Ear", "http://x")


def test_weights_of_another_network_are_refused():
    network = nn.Linear(2, 3)
    found = filled(network, {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}, Path("file"), "Ear")
    assert found.weight.eq(1).all()
    with pytest.raises(ValueError, match=r"file: expected the 2 tensors of Ear, got 1 of another shape"):
        filled(network, {"weight": torch.ones(2, 2), "bias": torch.zeros(3)}, Path("file"), "Ear")
