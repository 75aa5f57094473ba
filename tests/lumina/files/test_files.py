"""Files that would run something, hang or flood the process are refused."""

from __future__ import annotations

import io
import json
import os
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from datamodules.cap3d import read_object
from lumina.checkpoints.pretrained import load_pretrained
from lumina.config.stack import stack_configs
from lumina.data.sources import Wanted, open_sources
from lumina.data.sources.stream import Stream
from lumina.errors import CorruptSample
from lumina.files.csv_cells import plain_cells
from lumina.files.numpy_file import load_array, open_arrays
from lumina.files.regular import open_regular
from lumina.files.yaml_file import compose, load
from lumina.pictures.opening import FORMATS, open_picture
from lumina.pictures.reading import load_image, picture_size

ROOT = Path(__file__).parents[3]
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(harm) (w) file\nshowpage\n%%EOF\n"
WANTED = Wanted(suffixes=(".jpg",), media=("image",))


def test_only_one_place_opens_pictures():
    calls = {
        file.relative_to(ROOT)
        for package in ("lumina", "modalities", "datamodules")
        for file in (ROOT / package).rglob("*.py")
        if re.search(r"\b(Image|Pillow)\.open\(", file.read_text())
    }
    assert calls == {Path("lumina/pictures/opening.py")}


@pytest.mark.parametrize("ending", ["jpg", "png", "eps"])
def test_postscript_never_reaches_ghostscript(tmp_path, monkeypatch, ending):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was started"))
    file = tmp_path / f"a.{ending}"
    file.write_bytes(EPS)
    for read in (load_image, picture_size):
        with pytest.raises(CorruptSample, match="cannot identify"):
            read(file)


def test_a_picture_is_closed_when_it_was_read(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    with open_picture(tmp_path / "a.png") as picture:
        file = picture.fp
    assert file.closed


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "MPO"])
def test_ordinary_pictures_are_read(form):
    file = io.BytesIO()
    Image.init()
    if form not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {form}")
    Image.new("RGB", (8, 6), "red").save(file, form)
    file.seek(0)
    assert open_picture(file).size == (8, 6)


def test_pipes_and_devices_do_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to("/dev/zero")
    (tmp_path / "list.jsonl").write_text("".join(f'{{"image": "{x}.jpg", "caption": "x"}}\n' for x in "ab"))
    start = time.monotonic()
    for name in ("a.jpg", "b.jpg"):
        with pytest.raises(ValueError, match="a pipe or a device"):
            open_regular(tmp_path / name)
    source = open_sources([tmp_path / "list.jsonl"], WANTED)
    for index in (0, 1):
        with pytest.raises(CorruptSample, match="a pipe or a device"):
            source.open(index)
    assert time.monotonic() - start < 5


def packed(path, content, name="points.npy"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for part in content:
            member.write(part)


def head(shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_an_archive_that_swells_is_refused(tmp_path):
    packed(tmp_path / "bomb.npz", [head((100_000_000,)), *[bytes(1 << 22)] * 96])
    with pytest.raises(ValueError, match="would unpack to"), open_arrays(tmp_path / "bomb.npz"):
        pass


def test_a_checkpoint_that_swells_is_refused(tmp_path):
    packed(tmp_path / "run.ckpt", [bytes(1 << 22)] * 96, "archive/data.pkl")
    with pytest.raises(ValueError, match="would unpack to"):
        load_pretrained(tmp_path / "run.ckpt")


def test_a_cloud_larger_than_its_file_is_refused(tmp_path):
    torch.save(torch.zeros(1).expand(1 << 40, 3), tmp_path / "a.pt")
    with pytest.raises(CorruptSample, match="larger than the file"):
        read_object(tmp_path / "a.pt", "y")


def test_headers_that_promise_more_than_there_is(tmp_path):
    packed(tmp_path / "a.npz", [head((1 << 38, 3)), bytes(12)])
    with pytest.raises(ValueError, match="promises"), open_arrays(tmp_path / "a.npz"):
        pass
    (tmp_path / "a.npy").write_bytes(head((1 << 38, 3)) + bytes(12))
    with pytest.raises(ValueError, match="promises 3298534883328 bytes"):
        load_array(tmp_path / "a.npy")


def test_pickled_arrays_are_refused_and_plain_ones_are_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object))
    with pytest.raises(ValueError, match="object"):
        load_array(tmp_path / "a.npy")
    np.savez_compressed(tmp_path / "b.npz", points=np.zeros((1000, 3)), names=np.array(["ä"]))
    with open_arrays(tmp_path / "b.npz") as arrays:
        assert arrays["points"].shape == (1000, 3) and arrays["names"].tolist() == ["ä"]


def test_aliases_that_multiply_are_refused(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    for text in ("\n".join(lines), "a: &a [*a]"):
        with pytest.raises(ValueError, match="aliases"):
            load(text)
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="aliases"):
        stack_configs(["fit", "--config", str(tmp_path / "bomb.yaml")])
    assert load("a: &a {b: 1}\nc: *a") == {"a": {"b": 1}, "c": {"b": 1}}


def test_every_experiment_is_far_below_the_limit():
    for file in (ROOT / "experiments").rglob("*.yaml"):
        assert isinstance(compose(file.read_text()), yaml.MappingNode)


def test_cells_that_a_spreadsheet_would_run():
    cells = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+cmd", "-x", "-0.5", "+3e-4", -1.5, 3, "a=b", ""]
    expected = ["'=cmd|' /C calc'!A0", "'@SUM(1)", "'+1+cmd", "'-x", "-0.5", "+3e-4", -1.5, 3, "a=b", ""]
    assert plain_cells(cells) == expected


def test_pickled_records_are_refused(tmp_path):
    index = {"chunks": [], "config": {"data_format": ["bytes", "graph:pickle"]}}
    (tmp_path / "index.json").write_text(json.dumps(index))
    pytest.importorskip("litdata")
    with pytest.raises(ValueError, match="graph:pickle"):
        Stream(tmp_path, WANTED)
