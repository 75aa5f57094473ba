"""What is kept of real pictures is found again only while all of them are as they were."""

import os

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from datamodules.image_folder import ImageFolder
from datamodules.image_text import ImageText
from datamodules.labelled_pictures import LabelledPictures
from lumina.data.datamodule import SplitDataModule
from lumina.metrics.identity import identity
from lumina.pictures.framing import CentreCrop

COUNT = 40


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        path = tmp_path / "ab"[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(path)
        path.with_suffix(".txt").write_text(f"caption {number}")
    return tmp_path


KINDS = {
    "folder": lambda root, size: ImageFolder(batch_size=2, root=root, size=size),
    "text": lambda root, size: ImageText(batch_size=2, sources=[root], size=size, cell=4, cache=None),
    "labelled": lambda root, size: LabelledPictures(
        [root], CentreCrop(size), CentreCrop(size), batch_size=2, cache=None
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_and_how_it_is_served_matter(root, kind):
    def found(size=16, fields=("image",)):
        return identity(KINDS[kind](root, size), "train", fields, "network")

    seen = [found()]
    assert found() == seen[0]
    for path in sorted(root.rglob("*.png")):
        os.utime(path, ns=(1, len(seen)))  # edited, each of them
        seen.append(found())
    seen.append(found(size=12))
    (root / "b/01.png").unlink()
    seen.append(found())
    if kind == "text":
        (root / "b/03.txt").write_text("another caption")
        seen.append(found())
    unserved = 0 if kind != "folder" else COUNT - len(KINDS[kind](root, 16).dataset("train")) - 1  # those held out
    assert len(set(seen)) >= len(seen) - unserved


def test_data_without_files_are_told_by_all_samples():
    class Pictures(Dataset):
        def __init__(self, values):
            self.values = values

        def __len__(self):
            return COUNT

        def __getitem__(self, index):
            return {"image": torch.full((1, 4, 4), float(self.values[index]))}

    class Data(SplitDataModule):
        values = np.linspace(-1, 1, COUNT)

        def dataset(self, split):
            return Pictures(self.values)

    data = Data(4)
    before = identity(data, "train", ["image"])
    for place in range(COUNT):
        data.values = Data.values.copy()
        data.values[place] *= -0.5
        assert identity(data, "train", ["image"]) != before
    assert identity(Data(4), "train", ["image"]) == before != identity(Data(4), "train", ["image"], "other")
