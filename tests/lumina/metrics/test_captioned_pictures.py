"""Real captioned pictures: each once, with its own caption, in an order that means nothing."""

import torch
from torch.utils.data import Dataset

from lumina.data.datamodule import SplitDataModule
from lumina.errors import CorruptSample
from lumina.metrics.captioned_pictures import real_pictures

COUNTS = {"train": 11, "test": 5}
BROKEN = 3  # of the training pictures


class Pictures(Dataset):
    """Each is as grey as its number."""

    def __init__(self, first, count):
        self.numbers = range(first, first + count)

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        number = self.numbers[index]
        if number == BROKEN:
            raise CorruptSample(f"picture {number}", "is broken")
        return {"image": torch.full((3, 4, 4), number / 100), "caption": str(number)}


class Data(SplitDataModule):
    batch_keys = ("image", "caption")

    def dataset(self, split):
        return Pictures(0 if split == "train" else COUNTS["train"], COUNTS[split])

    def collate(self, items):
        return {"image": torch.stack([item["image"] for item in items]), "caption": [item["caption"] for item in items]}


class Grey:
    """Stands for the classifier: a picture's feature is how grey it is."""

    size = 8

    def __init__(self):
        self.calls = 0

    def describe(self, images):
        self.calls += 1
        return images.mean((1, 2, 3))[:, None]


def test_each_picture_once_with_its_caption(tmp_path):
    found = real_pictures(Data(4), Grey(), tmp_path)
    numbers = [int(caption) for caption in found.captions]
    assert sorted(numbers) == [number for number in range(16) if number != BROKEN]
    torch.testing.assert_close(found.features[:, 0], torch.tensor(numbers) / 100)
    assert numbers != sorted(numbers)
    first = [number < COUNTS["train"] for number in numbers]
    assert first != sorted(first) and first != sorted(first, reverse=True)  # both halves hold pictures of both splits


def test_they_are_described_once_and_found_again(tmp_path):
    network = Grey()
    before = real_pictures(Data(4), network, tmp_path)
    calls = network.calls
    again = real_pictures(Data(2), network, tmp_path)
    assert network.calls == calls
    assert again.captions == before.captions and torch.equal(again.features, before.features)
    network.size = 16
    real_pictures(Data(4), network, tmp_path)
    assert network.calls == 2 * calls
