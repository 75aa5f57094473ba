import torch
from tiny_views import write_objects

from datamodules.multiview import MultiViewFolder
from datamodules.single_views import SingleViews


def test_one_view_of_each_object(tmp_path):
    root = write_objects(tmp_path / "views", 8, azimuths=((10, 130, 250), (40, 90, 200)), caption="a ball")
    options = {"root": root, "size": 8, "batch_size": 2, "holdout": 0.25}
    data, views = SingleViews(**options), MultiViewFolder(**options, views=1)
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {"image", "caption", "name", "real", "identity"} and batch["image"].shape == (2, 3, 8, 8)
    for split in ("train", "test"):
        assert [item["name"] for item in data.dataset(split)] == [item["name"] for item in views.dataset(split)]
    item = data.dataset("test")[0]
    torch.testing.assert_close(data.transform(item)["image"], views.transform(item)["views"][0])
    shown = {data.transform(item, torch.Generator().manual_seed(seed))["image"][1, 4, 4].item() for seed in range(30)}
    assert len(shown) == 6  # green tells the azimuth
    assert list(data.about(data.dataset("train"))) == list(views.about(views.dataset("train")))


def test_labels_are_kept(tmp_path):
    root = write_objects(tmp_path / "views" / "balls", 4, azimuths=((10, 130),)).parent
    data = SingleViews(root=root, size=8, batch_size=2, holdout=0.25, labels="folders")
    assert next(iter(data.train_dataloader()))["label"].tolist() == [0, 0]
