import time

import pytest
import torch
from PIL import Image

from lumina.pictures.sheet import _font, _wrapped, contact_sheet, save_picture, to_uint8

TEXTS = {"lumina": '{"prompt": "яблоко 🍎"}', "parameters": "تفاحة\nNegative prompt: 苹果, é\nSeed: 3"}


def test_pixels_are_counted_where_they_are():
    assert to_uint8(torch.zeros(3, 4, 5, device="meta")).device.type == "meta"
    assert to_uint8(torch.tensor([-1.2, -1.0, 0.0, 1.0, 1.2])).tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("channels", [1, 3])
def test_text_of_any_language_is_read_back_and_the_picture_untouched(tmp_path, channels):
    image = torch.randint(256, (channels, 5, 7), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    marked, plain = save_picture(image, tmp_path / "new/0.png", TEXTS), save_picture(image, tmp_path / "1.png")
    with Image.open(marked) as read, Image.open(plain) as before:
        read.load()
        assert read.text == TEXTS and before.text == {}
        assert read.tobytes() == before.tobytes() == image.permute(1, 2, 0).numpy().tobytes()
    assert marked.read_bytes().index(b"iTXt") < marked.read_bytes().index(b"IDAT")  # read without the pixels


def test_sheet_enlarges_the_small_and_reduces_the_large():
    sheet = contact_sheet([torch.zeros(1, 8, 8), torch.ones(3, 100, 1030)], columns=2)
    height, width = sheet.shape[1:]
    assert height == 64 + 4 and width == 2 * (344 + 2) + 2  # 1030 / 3, rounded up
    assert sheet[:, 2:66, 2:66].unique().tolist() == [128]
    assert sheet[:, 2:36, 348:692].unique().tolist() == [255]


def test_sheet_has_captions_below_the_pictures():
    plain = contact_sheet([torch.ones(1, 100, 100)] * 2, columns=2)
    sheet = contact_sheet([torch.ones(1, 100, 100)] * 2, columns=2, captions=["cat: 9%", ""])
    assert sheet.shape[2] == plain.shape[2] and plain.shape[1] < sheet.shape[1] < plain.shape[1] + 20
    text = sheet[:, 102:]
    assert text[:, :, :102].min() < 100 and text[:, :, 104:].min() == 255  # the second has nothing to say


def test_long_captions_are_broken_and_cut():
    lines = _wrapped("a photograph of an astronaut who rides a white horse on the moon at night", 96)
    assert len(lines) == 3 and lines[0] == "a photograph of" and lines[2].endswith("…")
    assert all(_font().getlength(line) <= 100 for line in lines)
    assert _wrapped("short", 96) == ["short"] and _wrapped("", 96) == []
    assert "".join(_wrapped("x" * 30, 96)) == "x" * 30


def test_no_letter_is_swallowed():
    """Each of these is drawn, and differently."""
    drawn = {contact_sheet([torch.ones(1, 9, 9)], captions=[f"|{letter}|"]).numpy().tobytes() for letter in ":.✓яéλ"}
    assert len(drawn) == 6


def test_wrapping_takes_no_longer_for_longer_captions():
    text = "several words " * 1000
    start = time.perf_counter()
    assert _wrapped(text, 100) == _wrapped(text[:1000], 100)
    assert time.perf_counter() - start < 1  # measuring each beginning of the whole text takes a minute
