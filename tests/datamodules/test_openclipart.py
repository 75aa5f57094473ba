import multiprocessing

import numpy as np
import pytest
import torch
from PIL import Image

import datamodules.openclipart
from datamodules.openclipart import CLASSES, OpenClipart, choose, series
from lumina.pictures.framing import CentreCrop

pytest.importorskip("pyarrow")


def save(path, seed, width=40, height=30):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def collection(tmp_path):
    root = tmp_path / "png"
    for number, folder in enumerate(CLASSES.values()):
        for kind in range(10):
            for copy in range(2):
                save(root / folder / f"sort{chr(97 + kind)}_{copy:02}.png", 1000 * number + 10 * kind + copy)
    return root


def clipart(tmp_path, **options):
    view = CentreCrop(8)
    options = {"root": tmp_path / "png", "folder": tmp_path / "out", **options}
    return OpenClipart(batch_size=4, train_framing=view, eval_framing=view, **options)


def test_every_class_is_held_out_by_series(collection, tmp_path):
    data = clipart(tmp_path)
    data.prepare_data()
    assert data.class_names == tuple(CLASSES)
    train, test = data.dataset("train"), data.dataset("test")
    assert np.bincount(train.numbers).tolist() == [16] * 8 and np.bincount(test.numbers).tolist() == [4] * 8
    seen = {row.tobytes() for row in (np.asarray(item["image"]) for item in (test[i] for i in range(len(test))))}
    assert len(seen) == 32
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 3, 8, 8) and batch["label"].dtype == torch.int64


def test_equal_pictures_count_once_and_never_for_two_classes(collection, tmp_path):
    save(collection / "animals/again_01.png", 0)
    save(collection / "food/ambiguous_01.png", 1_000_000)
    save(collection / "tools/ambiguous_01.png", 1_000_000)
    save(collection / "transportation/roadsigns/stop_01.png", 77)
    save(collection / "transportation/stop_copy.png", 77)
    (collection / "people/note.txt").write_text("no picture")
    chosen = choose(collection)
    assert len(chosen) == 160
    assert ("animals", "animals/again_01.png") in chosen and ("animals", "animals/sorta_00.png") not in chosen


def test_large_pictures_are_reduced_and_tiny_or_broken_ones_left_out(collection, tmp_path):
    save(collection / "food/banner_01.png", 5000, 600, 100)
    save(collection / "food/line_01.png", 5001, 600, 15)
    (collection / "food/broken_01.png").write_bytes(b"nothing")
    data = clipart(tmp_path, max_side=60)
    with pytest.warns(UserWarning, match="Left out 1 pictures: food/broken_01.png"):
        data.prepare_data()
    sets = [data.dataset(split) for split in ("train", "test")]
    assert sum(len(one) for one in sets) == 161
    sizes = {one.source.open(i).seek(0) or Image.open(one.source.open(i)).size for one in sets for i in range(len(one))}
    assert sizes == {(40, 30), (60, 10)}


def test_the_files_are_written_once(collection, tmp_path):
    clipart(tmp_path).prepare_data()
    data = clipart(tmp_path, root=tmp_path / "nowhere")
    data.prepare_data()
    assert len(data.dataset("train")) == 128


def test_of_two_processes_one_writes(collection, tmp_path, monkeypatch):
    write = datamodules.openclipart.write_table

    def counted(path, rows):
        with (tmp_path / "written").open("a") as file:
            file.write(f"{path.name}\n")
        write(path, rows)

    monkeypatch.setattr(datamodules.openclipart, "write_table", counted)
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=clipart(tmp_path).prepare_data) for _ in range(2)]
    for process in others:
        process.start()
    for process in others:
        process.join(100)
    assert [process.exitcode for process in others] == [0, 0]
    assert sorted((tmp_path / "written").read_text().split()) == ["test_256.parquet", "train_256.parquet"]


def test_a_missing_collection_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"not in .*png: run `apt-get install .*openclipart-png`.*set data.root"):
        clipart(tmp_path).prepare_data()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/head12.png", "head"),
        ("lion_rg_01.png", "lion_rg"),
        ("juliane_krug_03b.png", "juliane_krug"),
        ("bat_orlando_.png", "bat_orlando"),
        ("dolphin.png", "dolphin"),
        ("2010.png", "2010"),
    ],
)
def test_series(path, name):
    assert series(path) == name
