"""Picture files are opened in one place, in known formats alone."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from lumina.errors import CorruptSample
from lumina.pictures.opening import FORMATS, open_picture
from lumina.pictures.reading import load_image, picture_size

ROOT = Path(__file__).parents[3]


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(harm) (w) file\nshowpage\n%%EOF\n"


def test_the_same_words_for_the_same_fault():
    for file in (io.BytesIO(b"nonsense"), io.BytesIO(b"")):
        with pytest.raises(CorruptSample, match=r"a\.png: cannot identify it as a picture of a known format$"):
            load_image(file, "a.png")


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
