"""Features and classes of the training sounds."""

import pytest
import torch
from tiny_features import Tiny, Tones, tones

from lumina.metrics.audio.quality import SoundQuality
from lumina.metrics.audio.real_sounds import RealSounds, classes_of, real_sounds


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("drum_snare-hard.flac", "drum"),
        ("drum-snare.flac", "drum"),
        ("sounds/drum snare.flac", "drum"),
        ("train/000012", "000012"),
        ("_private_1", "private"),
        ("drum", "drum"),
    ],
)
def test_a_name_begins_with_the_class(name, expected):
    assert classes_of({"name": [name]}, "name") == [expected]


def test_other_fields_are_the_class():
    assert classes_of({"label": torch.tensor([3, 1])}, "label") == ["3", "1"]
    assert classes_of({"instrument": ["steel drum"]}, "instrument") == ["steel drum"]


def test_each_training_sound_once_from_the_cache(tmp_path):
    metric = SoundQuality(Tiny())
    first = real_sounds(Tones(), metric, "name", tmp_path)
    assert first.features.shape == (12, 6)
    assert first.labels.bincount().tolist() == [4, 4, 4]
    expected = metric.describe(tones(12)["sound"], tones(12))
    torch.testing.assert_close(first.features.sum(0), expected.sum(0))
    (stored,) = tmp_path.iterdir()
    stamp = stored.stat().st_mtime_ns
    again = real_sounds(Tones(), metric, "name", tmp_path)
    assert torch.equal(again.features, first.features) and stored.stat().st_mtime_ns == stamp
    metric.features.ready(metric.device).map.data += 1
    real_sounds(Tones(), metric, "name", tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # another network


def test_numbers_of_classes():
    real = RealSounds(torch.eye(3), ["b", "a", "b"])
    assert real.labels.tolist() == [1, 0, 1]
    assert real.numbers(["a", "c"]).tolist() == [0, -1]
