from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_shapes import write_catalogue

from datamodules.sweet_home import SweetHome, shape_class
from lumina.scenes.catalogues import read_catalogue

pytest.importorskip("trimesh")
INSTALLED = Path("/usr/share/sweethome3d/furniture")


def furniture(root, **options):
    return SweetHome(**{"batch_size": 2, "root": root, "sampled": 64, "points": 16, "cache": None} | options)


def test_reads_its_own_files(tmp_path):
    data = furniture(write_catalogue(tmp_path), classes=["seat", "table"], holdout=0.3, eval_points=32)
    train, test = data.dataset("train"), data.dataset("test")
    assert (len(train), len(test)) == (4, 3)  # 5 seats and 2 tables, but no lamp
    assert sorted(train.shapes.captions + test.shapes.captions) == sorted(
        ["Chair", "Armchair", "Table", "Ø chair", "Bench", "Round table", "Stool"]
    )
    for item in (train[0], test[0]):
        assert item["label"] == (1 if "table" in item["caption"].lower() else 0)
        assert item["name"].startswith("test.sh3f:m/")
    assert test[0]["points"].shape == (32, 3)
    assert data.class_names == ("seat", "table")
    batch = next(iter(data.train_dataloader()))
    assert batch["points"].shape == (2, 16, 3) and batch["points"].dtype == torch.float32


def test_pieces_have_their_real_size_and_stand_upright(tmp_path):
    data = furniture(write_catalogue(tmp_path), sampled=4096, eval_points=4096, normalisation="none")
    for part in ("train", "test"):
        for item in data.dataset(part):
            extent = item["points"].amax(0) - item["points"].amin(0)
            torch.testing.assert_close(extent, torch.tensor([100.0, 30.0, 50.0]), atol=4, rtol=0)
    turned = read_catalogue(tmp_path / "test.sh3f")[1]
    assert (np.array([0, 0, 1]) @ turned.rotation.T).tolist() == [0, 1, 0]


def test_categories_are_classes_unless_shapes_are_asked_for(tmp_path):
    data = furniture(write_catalogue(tmp_path))
    assert data.class_names == ("Living room", "Office")
    assert len(data.dataset("train")) + len(data.dataset("test")) == 8


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Desk lamp", "lamp"), ("Bedside table", "table"), ("Glass door cabinet", "storage"), ("Tablet", None),
     ("Winchester armchair", "seat"), ("Indoor bike", "vehicle"), ("Sofa 2 seats", "seat"),
     ("Sitting female", "person")],
)  # fmt: skip
def test_the_last_word_that_tells_a_class(name, kind):
    assert shape_class(name) == kind


def test_the_cache_is_used(tmp_path, monkeypatch):
    root, cache = write_catalogue(tmp_path), tmp_path / "cache"
    first = furniture(root, cache=cache).dataset("train")[0]["points"]
    monkeypatch.setattr("datamodules.sweet_home.sample_piece", None)
    assert torch.equal(furniture(root, cache=cache).dataset("train")[0]["points"], first)


def test_damaged_models_are_skipped_counted_and_named(tmp_path):
    root = write_catalogue(tmp_path, models={1: "v 0 0\nf 1 2 3\n", 5: "", 6: "v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n"})
    data = furniture(root, batch_size=8, holdout=0.0)
    with pytest.warns(UserWarning, match=r"test\.sh3f:m/(1|5|6)\.obj: "), pytest.raises(ValueError, match="corrupt"):
        next(iter(data.train_dataloader()))
    data = furniture(root, batch_size=8, holdout=0.0, max_corrupt=1)
    with pytest.warns(UserWarning):
        batch = next(iter(data.train_dataloader()))
    assert not {f"test.sh3f:m/{n}.obj" for n in (1, 5, 6)} & set(batch["name"])


def test_missing_catalogues_say_how_to_get_them(tmp_path):
    with pytest.raises(
        ValueError, match=rf"no furniture catalogues .* in {tmp_path}: run `apt-get install sweethome3d-"
    ):
        furniture(tmp_path).train_dataloader()
    (tmp_path / "broken.sh3f").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"broken\.sh3f is not a furniture catalogue"):
        furniture(tmp_path).train_dataloader()


def test_unknown_classes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no classes chair, sofa: choose from seat, table"):
        furniture(tmp_path, classes=["sofa", "seat", "chair"])


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED.is_dir(), reason="sweethome3d-furniture is not installed")
def test_the_real_set(tmp_path):
    data = SweetHome(batch_size=8, sampled=256, cache=tmp_path)
    assert len(data.dataset("train")) + len(data.dataset("test")) == 820
    assert all(data._cache.counts)
