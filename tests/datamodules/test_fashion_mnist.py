import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.fashion_mnist import FashionMNIST, read_idx

INSTALLED = Path("/usr/share/datasets/fashion-mnist")


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture(params=["", ".gz"])
def root(request, tmp_path):
    generator = np.random.default_rng(0)
    for part, count in {"train": 20, "t10k": 10}.items():
        pictures = generator.integers(0, 256, (count, 28, 28))
        pictures[:, 0, 0] = 0
        pictures[:, 0, 1] = 255
        write_idx(tmp_path / f"{part}-images-idx3-ubyte{request.param}", pictures)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte{request.param}", np.arange(count) % 10)
    return tmp_path


def test_reads_its_own_files(root):
    data = FashionMNIST(batch_size=5, root=root, eval_batch_size=10)
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (5, 1, 28, 28)
    assert (batch["image"].min(), batch["image"].max()) == (-1, 1)
    assert (len(data.dataset("train")), len(data.dataset("validation")), len(data.dataset("test"))) == (20, 10, 10)
    assert next(iter(data.val_dataloader()))["label"].tolist() == list(range(10))
    assert data.dataset("train")[13]["label"] == 3


def test_flips_some_training_pictures_and_none_of_the_others(root):
    data = FashionMNIST(batch_size=20, root=root)
    original = data.dataset("train")
    served = {int(index): image for index, image in zip(*_served(data), strict=True)}
    mirrored = [index for index, image in served.items() if torch.equal(image, original[index]["image"].flip(-1))]
    same = [index for index, image in served.items() if torch.equal(image, original[index]["image"])]
    assert sorted(mirrored + same) == list(range(20))
    assert mirrored
    assert same
    order, images = _served(FashionMNIST(batch_size=20, root=root, flip=False))
    assert all(torch.equal(image, original[int(index)]["image"]) for index, image in zip(order, images, strict=True))


def _served(data):
    loader = data.train_dataloader()
    return loader.sampler.plan(0), next(iter(loader))["image"]


def test_missing_files_say_how_to_get_them(tmp_path):
    with pytest.raises(
        ValueError, match=rf"train-images-idx3-ubyte.gz is not in {tmp_path}: .*apt-get install dataset-f"
    ):
        FashionMNIST(batch_size=4, root=tmp_path).train_dataloader()


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "labels"
    write_idx(path, np.arange(7))
    good = path.read_bytes()
    for content, message in {
        good[:-1]: "6 values, expected 7",
        good + b"0": "8 values, expected 7",
        b"\x00\x00\x0d\x01" + good[4:]: "begins with 00000d01, expected 00000801",
        good[:6]: "begins with 00000801",
        b"": "begins with ,",
    }.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{path}.*{message}"):
            read_idx(path, axes=1)
    packed = tmp_path / "labels.gz"
    for content in (gzip.compress(good)[:-9], good, gzip.compress(good)[:12] + bytes(20)):
        packed.write_bytes(content)
        with pytest.raises(ValueError, match=f"{packed} is damaged"):
            read_idx(packed, axes=1)


def test_pictures_and_labels_must_go_together(root):
    for name in ("train-labels-idx1-ubyte", "train-labels-idx1-ubyte.gz"):
        if (root / name).exists():
            write_idx(root / name, np.arange(19) % 10)
    with pytest.raises(ValueError, match="20 pictures and 19 labels for train"):
        FashionMNIST(batch_size=4, root=root).dataset("train")


@pytest.mark.skipif(not INSTALLED.is_dir(), reason="dataset-fashion-mnist is not installed")
def test_the_real_set():
    data = FashionMNIST(batch_size=128)
    for split, count in {"train": 60_000, "test": 10_000}.items():
        dataset = data.dataset(split)
        assert dataset.images.shape == (count, 1, 28, 28)
        assert torch.bincount(dataset.labels).tolist() == [count // 10] * 10
    assert data.class_names[data.dataset("test")[0]["label"]] == "Ankle boot"
