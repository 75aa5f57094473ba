from __future__ import annotations

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
    with pytest.raises(ValueError, match=r"captions\.csv is not a readable CSV file in UTF-8"):
        cap3d(root).dataset("train")


def test_nothing_there_is_told(root):
    (root / "captions.csv").write_text("other,text\n")
    with pytest.raises(ValueError, match=r"whose name is a UID of .*unpack Cap3D's .*line 1: other,text"):
        cap3d(root).dataset("train")


def captions_of(root, text, **options):
    (root / "captions.csv").write_text(text)
    data = cap3d(root, holdout=0.0, **options)
    shapes = data.shapes("train")
    names = [name.split("/")[-1].split(".")[0] for name in shapes.names]
    return {name: caption for name, caption in zip(names, shapes.captions, strict=True)}, data


def test_captions_are_whole_whatever_their_commas_and_quotes(root):
    read, data = captions_of(
        root,
        "uid,caption\n"
        'uid0,"a chair, red\n'  # a stray quote
        "uid1,a chair, with wheels\r\n"
        'uid2,"a ""fine"" chair, blue"\n'
        'uid3.pt,"a chair\nof two lines"\n'
        'uid4 , the 5" screen\n'
        "other,a ghost, of words\n"
        "uid5,old\nuid5,new\n"
        "ghost,none\n",
    )
    assert read == {
        "uid0": "a chair, red",
        "uid1": "a chair, with wheels",
        "uid2": 'a "fine" chair, blue',
        "uid3": "a chair of two lines",
        "uid4": 'the 5" screen',
        "uid5": "new",
    }
    assert {reason: left.count for reason, left in data.census().left_out.items()} == {
        "lines of captions.csv without an object of that UID": 2,
        "captions of an object that has another one below": 1,
    }


def test_an_object_with_two_files_counts_once_and_lies_in_one_split(root):
    for number in range(5):
        write_ply(torch.randn(50, 3), root / f"clouds/uid{number}.ply")
    write_ply(torch.randn(50, 3), root / "clouds/uid9.PLY")
    (root / "clouds/readme.md").write_text("x")
    with (root / "captions.csv").open("a") as file:
        file.write("\nuid9,a thing, number 9")
    for holdout in (0.2, 0.35, 0.5):
        data = cap3d(root, holdout=holdout)
        names = [name for split in ("train", "test") for name in data.shapes(split).names]
        assert sorted(name.split("/")[-1] for name in names) == [
            *(f"uid{number}.pt" for number in range(1, 5)),
            "uid5.ply",
            "uid9.PLY",
        ]
    assert {reason: left.count for reason, left in data.census().left_out.items()} == {
        "further files of an object": 5,
        "objects without a caption": 1,
        "lines of captions.csv without an object of that UID": 1,
        "files ending in .md": 1,
    }
