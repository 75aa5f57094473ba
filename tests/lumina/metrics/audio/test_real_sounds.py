"""Features and classes of the training sounds."""

import torch
from tiny_features import Tiny, Tones, tones

from lumina.metrics.audio.quality import SoundQuality
from lumina.metrics.audio.real_sounds import Pieces, RealSounds, real_sounds


def pieces(batch):
    return Pieces(list(batch["sound"]), [name[0] for name in batch["name"]])


def test_each_training_sound_once_from_the_cache(tmp_path):
    metric = SoundQuality(Tiny())
    first = real_sounds(Tones(), metric, "name", tmp_path, pieces)
    assert first.features.shape == (12, 6)
    assert first.labels.bincount().tolist() == [4, 4, 4]
    expected = metric.describe(tones(12)["sound"], tones(12))
    torch.testing.assert_close(first.features.sum(0), expected.sum(0))
    (stored,) = tmp_path.iterdir()
    stamp = stored.stat().st_mtime_ns
    again = real_sounds(Tones(), metric, "name", tmp_path, pieces)
    assert torch.equal(again.features, first.features) and stored.stat().st_mtime_ns == stamp
    metric.features.ready(metric.device).map.data += 1
    real_sounds(Tones(), metric, "name", tmp_path, pieces)
    assert len(list(tmp_path.iterdir())) == 2  # another network


def test_numbers_of_classes():
    real = RealSounds(torch.eye(3), ["b", "a", "b"])
    assert real.labels.tolist() == [1, 0, 1]
    assert real.numbers(["a", "c"]).tolist() == [0, -1]


def test_nothing_to_listen_to(tmp_path):
    found = real_sounds(Tones(), SoundQuality(Tiny()), "name", tmp_path, lambda batch: Pieces([], []))
    assert len(found.labels) == 0 and found.names == []
