import pytest
import torch

from datamodules.cap3d import Cap3D
from lumina.clouds.ply import write_ply


@pytest.fixture
def root(tmp_path):
    (tmp_path / "clouds/00").mkdir(parents=True)
    for number in range(6):
        points = torch.randn(100, 6) + torch.tensor([0.0, 0, number, 0, 0, 0])
        if number == 5:
            write_ply(points[:, :3], tmp_path / "clouds/uid5.ply")
        else:
            torch.save(points.T.contiguous() if number % 2 else points, tmp_path / f"clouds/00/uid{number}.pt")
    lines = [f'uid{number},"a thing, number {number}"' for number in range(1, 6)] + ["elsewhere,a ghost"]
    (tmp_path / "captions.csv").write_text("\n".join(lines))
    return tmp_path


def cap3d(root, **options):
    return Cap3D(
        **{"batch_size": 2, "root": root / "clouds", "captions": root / "captions.csv", "points": 32} | options
    )


def test_clouds_with_captions_in_any_form(root):
    data = cap3d(root, holdout=0.3, normalisation="none", eval_points=100)
    items = [data.dataset(split)[i] for split in ("train", "test") for i in range(len(data.dataset(split)))]
    assert len(items) == 5 and len(data.dataset("test")) == 2  # uid0 has no caption
    for item in items:
        number = int(item["caption"][-1])
        assert item["name"].split("/")[-1].startswith(f"uid{number}.")
        assert item["points"][:, 1].mean() == pytest.approx(number, abs=0.6)  # z is up in the files
    batch = next(iter(data.train_dataloader()))
    assert batch["points"].shape == (2, 32, 3) and set(data.batch_keys) <= set(batch)


def test_damaged_files_are_skipped_and_named(root):
    (root / "clouds/00/uid1.pt").write_bytes(b"broken")
    torch.save(torch.zeros(5), root / "clouds/00/uid2.pt")
    data = cap3d(root, batch_size=5, holdout=0.0)
    with pytest.warns(UserWarning) as warned, pytest.raises(ValueError, match="corrupt"):
        next(iter(data.train_dataloader()))
    told = " ".join(str(warning.message) for warning in warned)
    assert "uid1.pt: " in told and "uid2.pt: it holds a tensor of shape [5], expected [P, 6] or [6, P]" in told


@pytest.mark.parametrize("content", [None, b"uid1,\xff\n"])
def test_captions_that_cannot_be_read_are_told(root, content):
    (root / "captions.csv").unlink()
    if content:
        (root / "captions.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"captions\.csv is no readable CSV file in UTF-8"):
        cap3d(root).dataset("train")


def test_nothing_there_is_told(root):
    (root / "captions.csv").write_text("other,text\n")
    with pytest.raises(ValueError, match=r"whose name is among the 1 UIDs of .*unpack Cap3D's PointCloud_pt_zips"):
        cap3d(root).dataset("train")
