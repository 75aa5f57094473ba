"""Labelled pictures come as they are in their files, and one without a label is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from lumina.data.sources import Wanted, open_sources
from lumina.data.sources.labels import UNLABELLED
from lumina.errors import CorruptSample
from lumina.pictures.labelled import Pictures


@pytest.fixture
def source(tmp_path):
    for number in range(3):
        Image.new("RGB", (8 + number, 6), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"image": f"{number}.png"}) for number in range(3)))
    return open_sources([tmp_path / "a.jsonl"], Wanted(suffixes=(".png",), media=("image",), usual=()))


def test_chosen_pictures_keep_their_size_and_number(source):
    found = Pictures(source, np.array([True, False, True]), np.array([4, 5, 6]))
    assert len(found) == 2 and [found[index]["label"] for index in (0, 1)] == [4, 6]
    assert found[1]["name"] == "a.jsonl:2" and found[1]["image"].size == (10, 6)
    assert found[1]["image"].getpixel((0, 0)) == (2, 0, 0)


def test_without_labels_there_is_no_such_field(source):
    assert set(Pictures(source, np.ones(3, bool))[0]) == {"name", "image"}


def test_a_picture_without_its_label_is_corrupt(source):
    found = Pictures(source, np.ones(3, bool), np.array([0, UNLABELLED, 0]))
    with pytest.raises(CorruptSample, match=r"a\.jsonl:1: it has no label"):
        found[1]
