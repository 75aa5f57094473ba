"""Quality of class-conditional pictures where there are few of them."""

import pytest
import torch
from torch.utils.data import Dataset

from lumina.data.batches import take
from lumina.data.datamodule import SplitDataModule
from lumina.frozen.network import Frozen
from lumina.metrics.classifier import ClassifierQuality


class Squares(Dataset):
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return 2 * self.count

    def __getitem__(self, index):
        label = index % 2
        return {"image": torch.full((1, 8, 8), float(2 * label - 1)) * (1 - index / 100), "label": label}


class Data(SplitDataModule):
    batch_keys = ("image", "label")

    def __init__(self, held_out):
        super().__init__(batch_size=2)
        self.held_out = held_out

    def dataset(self, split):
        return Squares(8 if split == "train" else self.held_out)


def report(tmp_path, held_out):
    metric = ClassifierQuality(cache=tmp_path, steps=20, batch_size=8)
    data = Data(held_out)
    metric.prepare(data)
    batch = take(data, "train", range(8))
    metric.update(batch["image"], batch)
    return metric.compute(), metric.failures


def test_one_held_out_picture_a_class_leaves_the_spread_out(tmp_path):
    found, failures = report(tmp_path, held_out=1)
    assert found.keys() == {"accuracy", "accuracy_real", "frechet", "frechet_train"}
    assert "no class has two held-out pictures that differ" in failures["spread"]


def test_more_pictures_have_a_spread(tmp_path):
    found, failures = report(tmp_path, held_out=4)
    assert found["spread"] > 0 and not failures


def test_a_damaged_classifier_is_trained_anew(tmp_path):
    first = report(tmp_path, held_out=4)
    (kept,) = tmp_path.glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.warns(UserWarning, match="is damaged .* and is recreated"):
        assert report(tmp_path, held_out=4) == first
    assert report(tmp_path, held_out=4) == first


def test_pictures_of_several_sizes_are_refused():
    with pytest.raises(ValueError, match="pictures of one size, got several"):
        metric = ClassifierQuality()
        metric._classifier = Frozen(lambda: None)
        metric.update([torch.zeros(1, 8, 8), torch.zeros(1, 9, 9)], {})
