from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from lumina.data.sources import Wanted, open_sources
from lumina.data.sources.stream import Stream
from lumina.errors import CorruptSample
from lumina.pictures.reading import FIELDS, SUFFIXES, load_image

cache = pytest.importorskip("litdata.streaming.cache")
PICTURE = Image.fromarray(np.add.outer(np.arange(40) * 4, np.arange(30) * 2).astype(np.uint8)).convert("RGB")


def jpeg(mode):
    file = io.BytesIO()
    PICTURE.convert(mode).save(file, "JPEG", quality=95)
    return file


def opened(tmp_path, value):
    writer = cache.Cache(str(tmp_path / "data"), chunk_bytes="64KB")
    for number in range(3):
        writer[number] = {"image": value, "caption": "x"}
    writer.done()
    writer.merge()
    return open_sources([tmp_path / "data"], Wanted(suffixes=SUFFIXES, media=FIELDS))


def on_disk(tmp_path, mode):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(mode).getvalue())
    return Image.open(path)


@pytest.mark.parametrize(
    "made",
    [
        lambda folder: PICTURE,
        lambda folder: PICTURE.convert("L"),
        lambda folder: PICTURE.convert("CMYK"),
        lambda folder: PICTURE.convert("YCbCr"),
        lambda folder: np.asarray(PICTURE),
        lambda folder: np.asarray(PICTURE.convert("L")),
        lambda folder: jpeg("RGB").getvalue(),
        lambda folder: on_disk(folder, "RGB"),
        lambda folder: on_disk(folder, "L"),
        lambda folder: on_disk(folder, "CMYK"),
    ],
)
def test_pictures_of_every_type_are_read(tmp_path, made):
    with opened(tmp_path, made(tmp_path)).open(1) as file:
        read = load_image(file)
    assert read.size == PICTURE.size
    assert abs(np.asarray(read).astype(int) - np.asarray(PICTURE)).mean() < 3


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (PICTURE.convert("P"), "mode P, whose palette litdata does not store"),
        (np.zeros((4, 5, 3)), r"shape \[4, 5, 3\] of float64, expected a picture of uint8"),
        (3, "the medium is int, expected encoded bytes or a picture"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, value, reason):
    with pytest.raises(CorruptSample, match=f"data/1: .*{reason}"):
        opened(tmp_path, value).open(1)


WANTED = Wanted(suffixes=(".jpg",), media=("image",))


def test_pickled_records_are_refused(tmp_path):
    index = {"chunks": [], "config": {"data_format": ["bytes", "graph:pickle"]}}
    (tmp_path / "index.json").write_text(json.dumps(index))
    pytest.importorskip("litdata")
    with pytest.raises(ValueError, match="graph:pickle"):
        Stream(tmp_path, WANTED)
