import numpy as np
import pytest
import torch

from datamodules.shapenet import NUMBERS, SYNSETS, ShapeNet

COUNTS = {"train": 4, "val": 2, "test": 3}
KINDS = ("airplane", "chair")


def cloud(kind, part, number, points):
    seed = [KINDS.index(kind), list(COUNTS).index(part), number]
    return np.random.default_rng(seed).normal(size=(points, 3)).astype(np.float32)


@pytest.fixture(params=["hdf5", "npy"])
def root(request, tmp_path):
    if request.param == "hdf5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / "shapenet.hdf5", "w") as file:
            for kind in KINDS:
                for part, count in COUNTS.items():
                    file[f"{SYNSETS[kind]}/{part}"] = np.stack([cloud(kind, part, i, 2048) for i in range(count)])
        return tmp_path / "shapenet.hdf5"
    for kind in KINDS:
        for part, count in COUNTS.items():
            folder = tmp_path / SYNSETS[kind] / part
            folder.mkdir(parents=True)
            for number in range(count):
                np.save(folder / f"{number}.npy", cloud(kind, part, number, 15_000))
    return tmp_path


def test_official_splits_and_labels(root):
    data = ShapeNet(batch_size=2, root=root, points=256, eval_points=2048)
    assert [len(data.dataset(split)) for split in ("train", "validation", "test")] == [8, 4, 6]
    labels = [data.dataset("test")[i]["label"] for i in range(6)]
    assert labels == [NUMBERS.index(SYNSETS[kind]) for kind in KINDS for _ in range(3)]
    assert len(ShapeNet(batch_size=2, root=root, test_split="val").dataset("test")) == 4
    batch = next(iter(data.train_dataloader()))
    assert batch["points"].shape == (2, 256, 3) and set(data.batch_keys) <= set(batch)


def test_a_category_keeps_its_label(root):
    for name in ("chair", SYNSETS["chair"]):
        data = ShapeNet(batch_size=2, root=root, categories=[name])
        assert len(data.dataset("train")) == 4
        assert data.dataset("train")[0]["label"] == NUMBERS.index("03001627") == 18
    with pytest.raises(ValueError, match="no shapes in the split 'train' of 02828884"):
        ShapeNet(batch_size=2, root=root, categories=["bench", "chair"]).dataset("train")
    with pytest.raises(ValueError, match="no categories chairs: choose from airplane"):
        ShapeNet(batch_size=2, root=root, categories=["chairs"])


def test_evaluation_takes_the_points_that_papers_take(root):
    item = ShapeNet(batch_size=2, root=root, categories=["chair"], normalisation="none", eval_points=2048).dataset(
        "test"
    )[1]
    expected = cloud("chair", "test", 1, 2048) if root.is_file() else cloud("chair", "test", 1, 15_000)[10_000:12_048]
    assert torch.equal(item["points"], torch.from_numpy(expected))


def test_training_never_sees_the_points_of_evaluation(root):
    item = ShapeNet(batch_size=2, root=root, categories=["chair"], normalisation="none").dataset("train")[2]
    whole = cloud("chair", "train", 2, 2048 if root.is_file() else 15_000)
    assert torch.equal(item["points"], torch.from_numpy(whole[:10_000]))


def test_nothing_there_is_told(tmp_path):
    for root in (tmp_path, tmp_path / "shapenet.hdf5"):
        with pytest.raises(ValueError, match=r"set data\.root to shapenet\.hdf5 of diffusion-point-cloud"):
            ShapeNet(batch_size=2, root=root).dataset("train")
    (tmp_path / "shapenet.hdf5").write_bytes(b"not this")
    with pytest.raises(ValueError, match=r"shapenet\.hdf5 is no HDF5 file"):
        ShapeNet(batch_size=2, root=tmp_path / "shapenet.hdf5").dataset("train")


def test_workers_read_what_the_process_reads(root):
    batches = [list(ShapeNet(batch_size=2, root=root, num_workers=n).train_dataloader()) for n in (0, 2)]
    assert all(torch.equal(a["points"], b["points"]) for a, b in zip(*batches, strict=True))


@pytest.mark.parametrize("root", ["npy"], indirect=True)
@pytest.mark.parametrize("content", [b"x", b"PK\x03\x04 an archive cut off", "an archive", np.float32(1)])
def test_damaged_files_are_skipped_and_named(root, content):
    path = root / "03001627/train/1.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with path.open("wb") as file:
            (np.savez if isinstance(content, str) else np.save)(file, content)
    assert_named(ShapeNet(batch_size=4, root=root, categories=["chair"]), r"03001627/train/1\.npy: ")


@pytest.mark.parametrize("root", ["hdf5"], indirect=True)
def test_damaged_chunks_are_skipped_and_named(root):
    h5py = pytest.importorskip("h5py")
    with h5py.File(root, "a") as file:
        del file["03001627/train"]
        clouds = file.create_dataset("03001627/train", (4, 2048, 3), "f4", chunks=(1, 2048, 3), compression="gzip")
        clouds[:] = np.random.default_rng(0).normal(size=clouds.shape)
        clouds.id.write_direct_chunk((1, 0, 0), b"no stream of deflate")
    assert_named(ShapeNet(batch_size=4, root=root, categories=["chair"]), r"shapenet\.hdf5:03001627/train/1: ")


def assert_named(data, name):
    with pytest.warns(UserWarning, match=name):
        next(iter(data.train_dataloader()))


@pytest.mark.parametrize("root", ["hdf5"], indirect=True)
def test_a_category_without_a_split_is_told(root):
    with pytest.importorskip("h5py").File(root, "a") as file:
        del file["03001627/val"]
    with pytest.raises(ValueError, match="no shapes in the split 'val' of 03001627"):
        ShapeNet(batch_size=2, root=root, categories=["airplane", "chair"]).dataset("validation")
