"""A folder of samples: files by number, whatever order they come in; what is no number is left out."""

import json

import pytest
import torch
from PIL import Image as Picture

from lumina.generation.description import Description
from lumina.reports.sample_folder import SampleFolder
from lumina.values import Shown, Wish
from modalities.image import Image

NAN = float("nan")


def filled(folder, *batches, count=4):
    told = [Description(record={"seed": seed}, words=[f"text {seed}"]) for seed in range(count)]
    samples = SampleFolder(folder, Image((4, 4)), told, {"steps": 3, "guidance": None})
    for places, values in batches:
        samples.add(places, [torch.full((3, 4, 4), value) for value in values])
    return samples


def test_samples_stand_in_the_order_of_their_requests(tmp_path):
    samples = filled(tmp_path / "new", ([2, 3], [0.5, 1.0]), ([0, 1], [-1.0, -0.5]))
    page = samples.finish()
    settings = json.loads((tmp_path / "new/settings.json").read_text())
    assert settings["steps"] == 3
    assert [(one["file"], one["seed"]) for one in settings["samples"]] == [(f"0000{n}.png", n) for n in range(4)]
    levels = [Picture.open(tmp_path / f"new/0000{number}.png").convert("L").getpixel((0, 0)) for number in range(4)]
    assert levels == sorted(set(levels))
    assert page.is_file() and (tmp_path / "new/grid.png").is_file()
    html = page.read_text()
    assert html.index("00000.png") < html.index("00003.png")


def test_each_file_says_how_it_was_made(tmp_path):
    filled(tmp_path, ([1], [0.0]))
    texts = Picture.open(tmp_path / "00001.png").text
    assert json.loads(texts["lumina"]) | {"lumina": ""} == {"lumina": "", "steps": 3, "guidance": None, "seed": 1}
    assert texts["parameters"].startswith("text 1\n") and "Guidance" not in texts["parameters"]


def test_what_is_no_number_is_left_out_and_the_others_keep_their_numbers(tmp_path):
    samples = filled(tmp_path, ([0, 1, 2], [0.0, NAN, 0.0]))
    samples.finish()
    assert sorted(path.name for path in tmp_path.glob("0*.png")) == ["00000.png", "00002.png"]
    assert samples.strange.names == ["00001"]


def test_nothing_but_nan_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="are not written"):
        filled(tmp_path, ([0, 1], [NAN, NAN])).finish()


def test_a_page_says_which_picture_each_sample_was_made_from(tmp_path):
    def exhibit(value, folder):
        return Shown(html="", note=f"from {value}")

    wish = Wish(name="image", type=str, help="", exhibit=exhibit)
    told = [Description(exhibits=[(wish, value)], words=["a cat"]) for value in "aba"]
    samples = SampleFolder(tmp_path, Image((4, 4)), told, {})
    samples.add(range(3), [torch.zeros(3, 4, 4)] * 3)
    lines = [line for line in samples.finish().read_text().splitlines() if "0000" in line and "<small>" in line]
    assert [line.count("from a") - line.count("from b") for line in lines] == [1, -1, 1]
    assert Picture.open(tmp_path / "00001.png").text["caption"] == "a cat"
