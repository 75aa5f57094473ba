"""What sounds are heard as, and copies."""

import pytest
import torch
from tiny_features import Tiny, Tones, measured, tones

from lumina.metrics.audio.classes import SoundClasses, classes_of


@pytest.fixture
def metric(tmp_path):
    metric = SoundClasses(Tiny(), cache=tmp_path)
    metric.prepare(Tones())
    return metric


def test_sounds_of_the_right_class(metric):
    batch = tones(12, seed=2)
    found = measured(metric, tones(12, seed=7)["sound"], batch)
    assert not metric.failures
    assert found["tiny_nearest"] == found["tiny_nearest_real"] == found["tiny_probe"] == found["tiny_probe_real"] == 1


def test_sounds_of_the_wrong_class(metric):
    batch = tones(12, seed=2)
    found = measured(metric, batch["sound"].roll(1, 0), batch)
    assert found["tiny_nearest"] == found["tiny_probe"] == 0
    assert found["tiny_nearest_real"] == found["tiny_probe_real"] == 1


def test_copies_of_the_training_sounds(metric):
    batch = tones(12, seed=2)
    training = tones(12, seed=0)["sound"]  # the split "train" of `Tones`
    assert measured(metric, training, batch)["tiny_copies"] == 1
    metric.reset()
    assert measured(metric, tones(12, seed=7)["sound"], batch)["tiny_copies"] <= 0.25


def test_sounds_with_nan_are_heard_as_nothing(metric):
    batch = tones(12, seed=2)
    metric.missed += 12
    found = measured(metric, tones(12, seed=7)["sound"], batch)
    assert found["tiny_nearest"] == found["tiny_probe"] == 0.5
    assert found["tiny_probe_real"] == 1


def test_classes_by_a_field(tmp_path):
    metric = SoundClasses(Tiny(), key="label", cache=tmp_path)
    metric.prepare(Tones())
    batch = tones(12, seed=2)
    assert measured(metric, batch["sound"], batch)["tiny_nearest"] == 1


def test_one_class_leaves_the_classifier_out(tmp_path):
    metric = SoundClasses(Tiny(), cache=tmp_path)
    metric.prepare(Tones(classes=1))
    found = measured(metric, tones(12, classes=1)["sound"], tones(12, classes=1))
    assert found.keys() == {"tiny_nearest", "tiny_nearest_real", "tiny_copies"}
    assert "two classes or more" in metric.failures["tiny_probe"]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match="yields no instrument, which SoundClasses needs"):
        SoundClasses(Tiny(), key="instrument", cache=tmp_path).prepare(Tones())


def test_real_sounds_are_read_once(metric):
    known = metric.known
    metric.prepare(Tones())
    assert metric.known is known and torch.is_tensor(known.features)


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


def test_a_row_of_a_table_tells_no_class():
    with pytest.raises(ValueError, match=r"train/metadata\.jsonl:12 is a row of a table, .* key to a field"):
        classes_of({"name": ["train/metadata.jsonl:12"]}, "name")


def test_other_fields_are_the_class():
    assert classes_of({"label": torch.tensor([3, 1])}, "label") == ["3", "1"]
    assert classes_of({"instrument": ["steel drum"]}, "instrument") == ["steel drum"]


def test_sounds_that_have_no_class_in_common_are_refused(tmp_path):
    class Numbered(Tones):
        def dataset(self, split):
            return [{**item, "name": f"{split}/{number:06}"} for number, item in enumerate(super().dataset(split))]

    with pytest.raises(ValueError, match="no two training sounds of Numbered are of one class by key='name'"):
        SoundClasses(Tiny(), cache=tmp_path).prepare(Numbered())
