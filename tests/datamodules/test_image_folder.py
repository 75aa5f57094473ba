import os

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.image_folder import ImageFolder
from lumina.data.classes import learn_classes

CLASSES = ("Zebra", "ant", "bee")


def write(folder, count, shade, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.fromarray(np.full((20, 30, 3), shade, np.uint8)).save(folder / f"{folder.name}{index:02}{suffix}")


@pytest.fixture
def splits(tmp_path):
    for label, name in enumerate(CLASSES):
        write(tmp_path / "train" / name, 6, 40 * label)
        write(tmp_path / "val" / name, 2, 40 * label)
    return tmp_path


@pytest.fixture
def plain(tmp_path):
    for label, name in enumerate(CLASSES):
        write(tmp_path / name, 40, 40 * label)
    return tmp_path


def names(dataset):
    return [path.rsplit("/", 1)[1] for path, _ in dataset.files]


def test_classes_are_sorted_folder_names_and_label_their_pictures(splits):
    (splits / "train" / ".cache").mkdir()
    (splits / "train" / "ant" / "notes.txt").write_text("no picture")
    (splits / "train" / "ant" / "._ant00.png").write_text("no picture either")
    data = ImageFolder(splits, batch_size=18, size=8)
    assert data.class_names == CLASSES
    assert data.num_classes == 3
    assert (len(data.dataset("train")), len(data.dataset("validation")), len(data.dataset("test"))) == (18, 6, 6)
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {*data.batch_keys, "real", "identity"}
    assert batch["image"].shape == (18, 3, 8, 8)
    assert batch["label"].dtype == torch.int64
    shades = 40 * batch["label"] / 127.5 - 1
    torch.testing.assert_close(batch["image"], shades[:, None, None, None].expand(18, 3, 8, 8))


def test_sub_folders_of_a_class_count(splits):
    write(splits / "train" / "ant" / "winged" / "red", 3, 40)
    data = ImageFolder(splits, batch_size=4, size=8)
    assert data.class_names == CLASSES
    assert [label for _, label in data.dataset("train").files].count(CLASSES.index("ant")) == 9


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp", ".bmp", ".PNG"])
def test_file_kinds(tmp_path, suffix):
    write(tmp_path / "one", 3, 100, suffix)
    assert len(ImageFolder(tmp_path, batch_size=1, size=8, holdout=0.34).dataset("train")) == 2


def test_holdout_is_a_fixed_share_of_each_class(plain):
    data, other = (
        ImageFolder(plain, batch_size=4, size=8, holdout=0.1, seed=0),
        ImageFolder(plain, batch_size=4, size=8, holdout=0.1, seed=9),
    )
    train, held_out = data.dataset("train"), data.dataset("validation")
    assert [label for _, label in held_out.files] == [0] * 4 + [1] * 4 + [2] * 4
    assert len(train) == 108
    assert not set(names(train)) & set(names(held_out))
    assert held_out.files == other.dataset("test").files


def test_a_picture_too_much_moves_few_others(plain):
    before = set(names(ImageFolder(plain, batch_size=4, size=8, holdout=0.1).dataset("test")))
    write(plain / "ant", 41, 40)
    after = set(names(ImageFolder(plain, batch_size=4, size=8, holdout=0.1).dataset("test")))
    assert len(before - after) <= 1


def test_broken_pictures_are_skipped_and_named(splits):
    broken = splits / "train" / "ant" / "ant03.png"
    broken.write_bytes(broken.read_bytes()[:40])
    (splits / "val" / "bee" / "bee01.png").write_bytes(b"")
    data = ImageFolder(splits, batch_size=18, size=8, max_corrupt=0.5, eval_batch_size=6)
    with pytest.warns(UserWarning, match=f"Skipped a sample that cannot be read: {broken}"):
        batch = next(iter(data.train_dataloader()))
    assert batch["real"].all()
    with pytest.warns(UserWarning, match=r"bee01\.png"):
        (batch,) = data.val_dataloader()
    assert batch["real"].tolist() == [True] * 5 + [False]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match=f"no class folders in {tmp_path}: put pictures into {tmp_path}/train/CLASS/"):
        ImageFolder(tmp_path, batch_size=4, size=8).train_dataloader()
    write(tmp_path / "train" / "ant", 3, 0)
    (tmp_path / "train" / "bee").mkdir()
    with pytest.raises(ValueError, match=rf"Found no picture \(.*.jpg.*\) to train on in {tmp_path}/train.*bee"):
        ImageFolder(tmp_path, batch_size=2, size=8).train_dataloader()
    write(tmp_path / "other" / "val" / "ant", 3, 0)
    with pytest.raises(ValueError, match="other has no pictures to train on, only to evaluate with"):
        ImageFolder(tmp_path / "other", batch_size=2, size=8).train_dataloader()


def test_a_class_of_validation_alone_is_refused(splits):
    write(splits / "val" / "wasp", 1, 0)
    with pytest.raises(ValueError, match="has classes for validation that the training pictures have not: wasp"):
        ImageFolder(splits, batch_size=4, size=8).dataset("validation")


@pytest.mark.parametrize("layout", ["{split}/{name}", "{name}/{split}"])
@pytest.mark.parametrize("held", [["valid", "testing"], ["testing"], []])
def test_splits_are_known_by_their_names(tmp_path, layout, held):
    for number, split in enumerate(["train", *held]):
        for name in ("ant", "bee"):
            write(tmp_path / layout.format(split=split, name=name), 10, 80 * number)
    data = ImageFolder(tmp_path, batch_size=4, size=8, holdout=0.2)
    sets = {split: data.dataset(split).files for split in ("train", "validation", "test")}
    assert data.class_names == ("ant", "bee")
    assert all("train" in path for path, _ in sets["train"])
    assert len(sets["train"]) == (20 if "valid" in held else 16)
    assert not {path for path, _ in sets["train"]} & {path for path, _ in sets["validation"]}
    assert all(("valid" if "valid" in held else "train") in path for path, _ in sets["validation"])
    assert all(("testing" if held else "train") in path for path, _ in sets["test"])


def test_pictures_outside_of_the_classes_are_counted(splits):
    write(splits / "train", 2, 0)
    data = ImageFolder(splits, batch_size=4, size=8)
    data.dataset("train")
    assert data.census().left_out["files outside of the class folders"].count == 2


def test_classes_whose_names_are_not_unicode_can_be_printed(tmp_path):
    for name in (os.fsdecode(b"caf\xe9"), "tea"):
        write(tmp_path / name, 4, 0)
    data = ImageFolder(tmp_path, batch_size=2, size=8)
    names = learn_classes(data, None, None, "the head")
    assert names == ["caf\\udce9", "tea"] and data.class_names == tuple(names)
    assert {int(label) for batch in data.train_dataloader() for label in batch["label"]} == {0, 1}


def test_one_class_is_told(tmp_path):
    write(tmp_path / "ant", 3, 0)
    with pytest.warns(UserWarning, match="are of one class, 'ant'"):
        _ = ImageFolder(tmp_path, batch_size=4, size=8).class_names


def test_impossible_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holdout 1"):
        ImageFolder(tmp_path, batch_size=4, size=8, holdout=1)
    with pytest.raises(ValueError, match="size 0"):
        ImageFolder(tmp_path, batch_size=4, size=0)
