import io

import numpy as np
import pytest
import torch
from PIL import Image

from lumina.data import CorruptSample
from lumina.images import cover, crop, load_image, picture_size
from lumina.randomness import keyed_generator


def encoded(size, kind, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(file, kind, exif=exif)
    return file.getvalue()


class Reluctant(io.BytesIO):
    """Counts the bytes read."""

    count = 0

    def read(self, size=-1):
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_header_tells_the_upright_size(kind, orientation):
    data = encoded((31, 20), kind, orientation)
    assert picture_size(io.BytesIO(data)) == load_image(io.BytesIO(data)).size
    assert picture_size(io.BytesIO(data)) == ((20, 31) if orientation > 4 else (31, 20))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_pixels_are_left_alone(kind):
    data = encoded((400, 400), kind)
    file = Reluctant(data)
    assert picture_size(file) == (400, 400)
    assert file.count < len(data) / 10
    assert picture_size(io.BytesIO(data[: len(data) // 2])) == (400, 400)


def test_a_broken_header_is_named():
    with pytest.raises(CorruptSample, match=r"shard\.tar:7"):
        picture_size(io.BytesIO(b"nothing"), "shard.tar:7")
    with pytest.raises(CorruptSample, match=r"shard\.tar:8"):
        load_image(io.BytesIO(b""), "shard.tar:8")


@pytest.mark.parametrize("size", [(1000, 37), (37, 1000), (5, 6), (64, 128), (333, 222)])
@pytest.mark.parametrize("wanted", [(64, 64), (32, 128), (128, 48)])
def test_cover_just_covers(size, wanted):
    height, width = wanted
    covering = cover(Image.new("RGB", size), height, width)
    assert covering.width >= width and covering.height >= height
    assert covering.width == width or covering.height == height
    assert covering.width / covering.height == pytest.approx(size[0] / size[1], rel=0.5 / min(covering.size) + 0.05)


def test_crops_are_central_or_anywhere():
    image = torch.arange(7.0 * 9).reshape(1, 7, 9)
    assert torch.equal(crop(image, (3, 5)), image[:, 2:5, 2:7])
    corners = {crop(image, (3, 5), keyed_generator(number))[0, 0, 0].item() for number in range(400)}
    assert corners == {row * 9.0 + column for row in range(5) for column in range(5)}
    assert torch.equal(crop(image, (7, 9), keyed_generator(0)), image)


def test_cover_halves_by_averaging_boxes():
    noise = np.random.default_rng(0).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    means = noise.reshape(32, 2, 16, 2, 3).mean((1, 3)).reshape(16, 2, 8, 2, 3).mean((1, 3))
    assert abs(np.asarray(cover(Image.fromarray(noise), 16, 8)).astype(int) - means).max() <= 2
