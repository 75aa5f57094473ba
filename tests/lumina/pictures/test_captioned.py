"""Captioned pictures: halved for their crop, with all captions and the size that they are for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from lumina.data.sources import Wanted, open_sources
from lumina.errors import CorruptSample
from lumina.pictures.captioned import Captioned
from lumina.pictures.crops import Crops, crop_sizes

WANTED = Wanted(suffixes=(".png",), media=("image",))
CROPS = Crops(crop_sizes(16, 4.0, 8))


@pytest.fixture
def source(tmp_path):
    for name, size in {"wide": (128, 32), "square": (100, 100)}.items():
        Image.new("RGB", size).save(tmp_path / f"{name}.png")
    rows = [{"image": "wide.png", "text": ["a", "b"]}, {"image": "square.png", "text": "c"}, {"image": "wide.png"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return open_sources([tmp_path / "a.jsonl"], WANTED)


def test_each_picture_is_for_the_crop_that_cuts_least(source):
    wide, square = (Captioned(source, np.arange(2), WANTED, CROPS, None)[index] for index in (0, 1))
    assert wide["size"].tolist() == [8, 32] and wide["caption"] == ["a", "b"] and wide["name"] == "a.jsonl:0"
    assert square["size"].tolist() == [16, 16] and square["caption"] == ["c"]
    assert wide["image"].size == (32, 8) and square["image"].size == (25, 25)


def test_sizes_that_are_known_are_not_asked_for_again(source):
    other = CROPS.sizes.index((16, 16))
    found = Captioned(source, np.array([1, 0]), WANTED, CROPS, np.array([other, other]))
    assert found[1]["name"] == "a.jsonl:0" and found[1]["size"].tolist() == [16, 16]


def test_a_record_without_a_caption_is_corrupt(source):
    with pytest.raises(CorruptSample, match=r"a\.jsonl:2: no caption"):
        Captioned(source, np.arange(3), WANTED, CROPS, None)[2]
