"""What metrics of sounds ask of the data."""

import pytest
import torch
from tiny_features import Tiny, Tones, tones

from lumina.metrics.audio.quality import SoundQuality
from lumina.metrics.audio.sound_metric import cut


def test_the_data_must_have_the_rate_and_the_sounds():
    SoundQuality(Tiny()).prepare(Tones())
    with pytest.raises(ValueError, match=r"SoundQuality takes sounds at 16000 Hz, but Tones yields them at 44100 Hz"):
        SoundQuality(Tiny()).prepare(Tones(rate=44_100))
    with pytest.raises(ValueError, match=r"Tones yields no length, which SoundQuality needs; .* not on latents"):
        SoundQuality(Tiny()).prepare(Tones(fields=("sound", "name")))


def test_sounds_are_cut_where_the_real_one_ends():
    batch = {"length": torch.tensor([2, 9, 0])}
    sounds = [torch.ones(4), torch.ones(4), torch.ones(4)]
    assert [len(sound) for sound in cut(sounds, batch)] == [2, 4, 1]
    assert [len(sound) for sound in cut(torch.ones(3, 4), batch)] == [2, 4, 1]


def test_what_lies_behind_the_end_does_not_count():
    batch = tones(4)
    longer = {**batch, "sound": torch.nn.functional.pad(batch["sound"], (0, 100), value=0.9)}
    metric = SoundQuality(Tiny())
    torch.testing.assert_close(metric.describe(longer["sound"], longer), metric.describe(batch["sound"], batch))
