import json

import pytest
from PIL import Image

from datamodules.image_text import ImageText
from datamodules.labelled_pictures import LabelledPictures
from lumina.data.summary import summary
from lumina.pictures.framing import CentreCrop


def write(folder, count, size=(32, 32), text=True):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", size).save(folder / f"{number:03d}.png")
        if text:
            (folder / f"{number:03d}.txt").write_text("x")
    return folder


def test_found_left_out_sizes_and_steps_are_told(tmp_path):
    write(tmp_path / "a", 20)
    write(tmp_path / "b", 9, (64, 32))
    write(tmp_path / "c", 2, text=False)
    data = ImageText(
        [tmp_path], batch_size=2, size=32, cell=8, max_aspect=4, batching="buckets", holdout=0.1, cache=None
    )
    loader = data.train_dataloader()
    lines = [" ".join(line.split()) for line in summary(data, loader, None, len(loader), 3, 10).splitlines()]
    assert lines[0] == "samples training 26"
    assert lines[1] == "left out files without a text (.txt or .caption) beside them: 2, for example c/000.png"
    assert lines[2] == "batches 2 samples of one size"
    counts = {line.split(":")[0]: int(line.split()[1]) for line in lines[3:5]}
    assert set(counts) == {"32x32", "24x40"} and sum(counts.values()) == 26
    steps = sum(count // 2 for count in counts.values())
    assert lines[5] == (
        f"epoch {steps} batches on each process, {-(-steps // 3)} optimizer steps; max_steps 10 are "
        f"{10 / -(-steps // 3):.1f} epochs"
    )


def test_tokens_of_a_budget_are_told(tmp_path):
    for name in ("cat", "dog"):
        write(tmp_path / name, 10, text=False)
    view = CentreCrop(16)
    data = LabelledPictures(
        [tmp_path], train_framing=view, eval_framing=view, batch_size=8, patch_size=4, max_tokens=64, cache=None
    )
    told = summary(data, data.train_dataloader(), data.val_dataloader(), 4, 1, -1)
    assert "training 18, validation 2" in told and "2: cat, dog" in told
    assert "up to 64 tokens, on average about 4.5 samples, which have 16 to 16 tokens each" in told
    assert "max_steps" not in told


def test_an_empty_folder_to_predict_is_not_told_about_captions(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.json").write_text(json.dumps([]))
    view = CentreCrop(16)
    data = LabelledPictures(
        [tmp_path], train_framing=view, eval_framing=view, batch_size=4, cache=None, predict=tmp_path / "new"
    )
    with pytest.raises(ValueError, match=r"Found no data in .*new: expected files ending in \.avif") as caught:
        data.predict_dataloader()
    assert "caption" not in str(caught.value) and "class" not in str(caught.value)
