import torch
from sklearn.datasets import load_digits

from datamodules.digits import Digits


def whole(data, split):
    dataset = data.dataset(split)
    items = [dataset[index] for index in range(len(dataset))]
    return torch.stack([item["image"] for item in items]), torch.stack([item["label"] for item in items])


def test_splits_are_balanced_disjoint_and_complete():
    images, labels = whole(Digits(64), "train")
    held_images, held_labels = whole(Digits(64), "validation")
    assert images.shape == (1297, 1, 8, 8)
    assert held_images.shape == (500, 1, 8, 8)
    assert held_labels.tolist() == list(range(10)) * 50
    together = torch.cat([images, held_images]).flatten(1)
    official = torch.tensor(load_digits().data, dtype=torch.float32) / 8 - 1
    assert sorted(together.tolist()) == sorted(official.tolist())
    assert (
        torch.bincount(torch.cat([labels, held_labels])).tolist()
        == torch.bincount(torch.tensor(load_digits().target)).tolist()
    )
    assert not {tuple(row) for row in images.flatten(1).tolist()} & {
        tuple(row) for row in held_images.flatten(1).tolist()
    }


def test_pictures_keep_their_labels():
    official = {
        tuple((row / 8 - 1).tolist()): int(label) for row, label in zip(*load_digits(return_X_y=True), strict=True)
    }
    images, labels = whole(Digits(64), "train")
    assert [official[tuple(row)] for row in images.flatten(1).tolist()] == labels.tolist()


def test_held_out_digits_do_not_depend_on_the_seed():
    one, other = whole(Digits(64, seed=0), "test"), whole(Digits(64, seed=5), "validation")
    assert torch.equal(one[0], other[0])


def test_batches():
    data = Digits(64)
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {*data.batch_keys, "real", "identity"}
    assert batch["image"].shape == (64, 1, 8, 8)
    assert (batch["image"].dtype, batch["label"].dtype) == (torch.float32, torch.int64)
    assert (batch["image"].min(), batch["image"].max()) == (-1, 1)
    assert len(data.class_names) == data.num_classes == 10
