import io

import numpy as np
import pytest
from PIL import Image
from tiny_meshes import picture

from lumina.scenes import textures
from lumina.scenes.beside import InFolder
from lumina.scenes.textures import KTX2, Pictures, read_texture, to_srgb, with_alpha


def saved(image, kind="PNG", **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def palette():
    image = Image.new("P", (3, 3), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    return image


@pytest.mark.parametrize(
    ("data", "pixel", "within"),
    [
        (picture("RGBA", (10, 20, 30, 40)), (10, 20, 30, 40), 0),
        (picture("RGB", (10, 20, 30)), (10, 20, 30, 255), 0),
        (picture("L", 77), (77, 77, 77, 255), 0),
        (picture("LA", (77, 9)), (77, 77, 77, 9), 0),
        (picture("1", 1), (255, 255, 255, 255), 0),
        (saved(Image.fromarray(np.full((2, 2), 0x8123, np.uint16))), (0x81, 0x81, 0x81, 255), 0),
        (saved(palette()), (200, 100, 50, 255), 0),
        (saved(palette(), transparency=1), (200, 100, 50, 0), 0),
        (saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (255, 0, 0, 255), 4),
        (saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), (255, 0, 0, 255), 4),
    ],
)
def test_pictures_of_every_mode(data, pixel, within):
    texture = read_texture(data)
    assert texture.dtype == np.uint8 and texture.shape[2] == 4
    assert np.abs(texture[0, 0].astype(int) - pixel).max() <= within


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "identify"), (b"nonsense", "identify"), (picture()[:40], "truncated|broken|identify"),
     (KTX2 + b"\0" * 80, "KTX2"),
     (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "identify"),
     (saved(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"), "range")],
)  # fmt: skip
def test_what_is_no_picture_is_refused(data, why):
    with pytest.raises(ValueError, match=why):
        read_texture(data)


def test_bombs_are_refused():
    with pytest.raises(ValueError, match="bomb"):
        read_texture(saved(Image.new("1", (16_000, 16_000))))


def test_large_textures_are_reduced(monkeypatch):
    monkeypatch.setattr(textures, "LARGEST", 8)
    image = np.zeros((4, 20, 3), np.uint8)
    image[:, 10:] = 90
    texture = read_texture(saved(Image.fromarray(image)))
    assert texture.shape == (2, 7, 4)
    assert texture[0, 0, 0] == 0 and texture[0, -1, 0] == 90


def test_alpha_of_another_picture():
    red = np.full((4, 4, 4), (255, 0, 0, 255), np.uint8)
    grey = np.full((2, 2, 4), (128, 128, 128, 255), np.uint8)
    clear = np.full((2, 2, 4), (9, 9, 9, 30), np.uint8)
    assert with_alpha(red, grey)[2, 2].tolist() == [255, 0, 0, 128]
    assert with_alpha(red, clear)[2, 2].tolist() == [255, 0, 0, 30]
    assert with_alpha(None, grey)[1, 1].tolist() == [255, 255, 255, 128]


def test_srgb():
    np.testing.assert_allclose(to_srgb(np.array([0, 0.0031308, 0.21404114, 1, 2])), [0, 0.04045, 0.5, 1, 1], atol=1e-5)


def test_pictures_are_read_once_and_told_once(tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    said = []
    pictures = Pictures(said)
    files = InFolder(tmp_path)
    assert pictures.beside("a.png", files) is pictures.beside("a.png", files) is not None
    assert pictures.beside("b.png", files) is pictures.beside("b.png", files) is None
    assert said == ["the texture b.png cannot be read (it is missing): the material's colour stands for it"]


def test_all_textures_together_have_a_limit(monkeypatch):
    monkeypatch.setattr(textures, "MOST_PIXELS", 12)
    said = []
    pictures = Pictures(said)
    assert pictures.read("first", picture) is not None
    assert pictures.read("second", picture) is None and "together" in said[0]
