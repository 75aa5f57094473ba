import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from lumina.errors import CorruptSample
from lumina.pictures.reading import LabelledImages, centre_crop, load_image, load_rgba, random_flip, to_tensor
from lumina.randomness import Purpose, keyed_generator


def gradient(width=12, height=9):
    ramp = np.linspace(0, 255, width).round().astype(np.uint8)
    return Image.fromarray(np.broadcast_to(ramp, (height, width)).copy())


def pixels(image):
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "RGBA", "I;16", "1", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    grey = gradient()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    elif mode == "P":
        image = grey.convert("RGB").quantize(256)
    else:
        image = grey.convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    image.save(path, **({"quality": 100} if mode == "CMYK" else {}))
    loaded = load_image(path)
    assert loaded.mode == "RGB"
    assert loaded.size == (12, 9)
    wanted = pixels(image.convert("RGB")) if mode == "1" else pixels(grey.convert("RGB"))
    assert abs(pixels(loaded) - wanted).max() <= (6 if mode == "CMYK" else 1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    (image.quantize(4) if mode == "P" else image.convert(mode)).save(tmp_path / "a.png")
    assert pixels(load_image(tmp_path / "a.png")).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_alpha_is_kept_where_asked_for(tmp_path):
    Image.new("RGBA", (2, 2), (9, 8, 7, 60)).save(tmp_path / "clear.png")
    Image.new("I;16", (2, 2), 0x7FFF).save(tmp_path / "deep.png")
    assert load_rgba(tmp_path / "clear.png").getpixel((0, 0)) == (9, 8, 7, 60)
    assert load_rgba(tmp_path / "deep.png").getpixel((0, 0)) == (127, 127, 127, 255)


def test_half_transparency_is_mixed_with_white(tmp_path):
    Image.new("RGBA", (1, 1), (0, 0, 0, 128)).save(tmp_path / "a.webp", lossless=True, exact=True)
    assert pixels(load_image(tmp_path / "a.webp")).tolist() == [[[127, 127, 127]]]


def test_camera_orientation_is_applied(tmp_path):
    image = gradient(12, 9).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    image.save(tmp_path / "a.png", exif=exif)
    assert (pixels(load_image(tmp_path / "a.png")) == pixels(image.transpose(Image.Transpose.ROTATE_270))).all()


def write_broken(folder, kind):
    path = folder / {"truncated": "a.jpg", "half a png": "b.png", "bomb": "c.png"}.get(kind, "d.png")
    gradient(64, 64).save(path)
    content = path.read_bytes()
    if kind in ("truncated", "half a png"):
        path.write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("<html>404</html>")
    elif kind == "damaged":
        path.write_bytes(content[:45] + bytes(20) + content[65:])
    else:
        header = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
        path.write_bytes(content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:])
    return path


@pytest.mark.parametrize("kind", ["truncated", "half a png", "empty", "text", "damaged", "bomb"])
def test_broken_files_are_named(tmp_path, kind):
    path = write_broken(tmp_path, kind)
    with pytest.raises(CorruptSample, match=str(path)) as caught:
        load_image(path)
    assert caught.value.__cause__ is not None


def test_a_png_whose_checksum_is_wrong_is_refused(tmp_path):
    """Its data still inflate, to other pixels."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 4), np.uint8)).save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    start = content.index(b"IDAT") + 4
    length = struct.unpack(">I", content[start - 8 : start - 4])[0]
    data = bytearray(zlib.decompress(content[start : start + length]))
    data[5] ^= 64
    content[start : start + length] = other = zlib.compress(bytes(data))
    content[start - 8 : start - 4] = struct.pack(">I", len(other))
    (tmp_path / "a.png").write_bytes(content)
    for load in (load_image, load_rgba):
        with pytest.raises(CorruptSample, match=r"a\.png.*broken PNG"):
            load(tmp_path / "a.png")
        with (tmp_path / "a.png").open("rb") as file, pytest.raises(CorruptSample, match="broken PNG"):
            load(file, "a.png")


def test_pixels_of_real_numbers_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(CorruptSample, match=r"a\.tif: its pixels are floating-point numbers without a known range"):
        load_image(tmp_path / "a.tif")


def test_centre_crop_takes_the_middle():
    image = Image.new("RGB", (30, 10), "red")
    image.paste("blue", (10, 0, 20, 10))
    assert pixels(centre_crop(image, 10)).reshape(-1, 3).tolist() == [[0, 0, 255]] * 100


@pytest.mark.parametrize(("width", "height"), [(100, 37), (37, 100), (8, 8), (5, 6), (64, 64), (33, 16)])
def test_centre_crop_has_the_asked_size(width, height):
    assert centre_crop(gradient(width, height), 8).size == (8, 8)


def test_centre_crop_halves_by_averaging_boxes():
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    halves = noise.reshape(16, 2, 16, 2, 3).mean((1, 3)).reshape(8, 2, 8, 2, 3).mean((1, 3))
    assert abs(pixels(centre_crop(Image.fromarray(noise), 8)) - halves).max() <= 2  # four roundings to 8 bit


def test_to_tensor_spans_minus_one_to_one():
    image = Image.fromarray(np.array([[[0, 255, 51]], [[102, 153, 204]]], dtype=np.uint8))
    expected = torch.tensor([[[-1.0], [-0.2]], [[1.0], [0.2]], [[-0.6], [0.6]]])
    torch.testing.assert_close(to_tensor(image), expected)


def test_random_flip_mirrors_half_of_the_pictures():
    image = torch.arange(6.0).reshape(1, 2, 3)
    flipped = [random_flip(image, keyed_generator(Purpose.AUGMENTATION, 0, index)) for index in range(400)]
    mirrored = [torch.equal(one, image.flip(-1)) for one in flipped]
    assert all(torch.equal(one, image) or done for one, done in zip(flipped, mirrored, strict=True))
    assert 160 < sum(mirrored) < 240


def test_labelled_images_scale_white_to_one():
    images = torch.tensor([0, 4, 8, 16], dtype=torch.uint8).reshape(1, 1, 2, 2)
    item = LabelledImages(images, torch.tensor([3]), white=16)[0]
    assert item["image"].tolist() == [[[-1.0, -0.5], [0.0, 1.0]]]
    assert item["label"] == 3
