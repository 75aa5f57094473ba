import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from lumina.errors import CorruptSample
from lumina.pictures.reading import cover_crop, halve, load_image, picture_size
from lumina.randomness import Purpose, keyed_generator


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


def cropped_whole(image, size, generator=None):
    """The same by resizing all of the picture and cropping the result."""
    height, width = size
    while image.height >= 2 * height and image.width >= 2 * width:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    scale = max(width / image.width, height / image.height)
    covering = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    pixels = np.asarray(image.resize(covering, Image.Resampling.BICUBIC)).astype(int)
    room = pixels.shape[0] - height, pixels.shape[1] - width
    if generator is None:
        top, left = (spare // 2 for spare in room)
    else:
        top, left = (int(torch.randint(spare + 1, (), generator=generator)) for spare in room)
    return pixels[top : top + height, left : left + width]


@pytest.mark.parametrize("size", [(1000, 37), (37, 1000), (5, 6), (64, 128), (333, 222), (640, 480), (131, 97)])
@pytest.mark.parametrize("wanted", [(64, 64), (32, 128), (128, 48)])
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_a_crop_is_that_of_the_resized_picture(size, wanted, seed):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1.5))
    generators = [None if seed is None else keyed_generator(Purpose.AUGMENTATION, seed) for _ in range(2)]
    crop = np.asarray(cover_crop(picture, wanted, generators[0])).astype(int)
    assert crop.shape == (*wanted, 3)
    away = abs(crop - cropped_whole(picture, wanted, generators[1]))
    assert away.max() <= 2 and (away > 1).mean() < 1e-3  # Pillow takes rows or columns first, and rounds in between


def test_crops_are_anywhere():
    ramp = Image.fromarray(np.add.outer(np.arange(7) * 20, np.arange(9)).astype(np.uint8)).convert("RGB")
    corners = {
        np.asarray(cover_crop(ramp, (7, 5), keyed_generator(Purpose.AUGMENTATION, number)))[0, 0, 0]
        for number in range(200)
    }
    assert corners == {0, 1, 2, 3, 4}
    assert (np.asarray(cover_crop(ramp, (7, 9), keyed_generator(Purpose.AUGMENTATION, 0))) == np.asarray(ramp)).all()


def test_a_line_is_cropped_before_it_is_enlarged(monkeypatch):
    made, resize = [], Image.Image.resize

    def measured(image, *arguments, **options):
        result = resize(image, *arguments, **options)
        made.append(result.width * result.height)
        return result

    monkeypatch.setattr(Image.Image, "resize", measured)
    assert cover_crop(Image.new("RGB", (3000, 20)), (512, 2048), keyed_generator(Purpose.AUGMENTATION, 0)).size == (
        2048,
        512,
    )
    assert max(made) == 512 * 2048


def test_halving_averages_boxes():
    noise = np.random.default_rng(0).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    means = noise.reshape(32, 2, 16, 2, 3).mean((1, 3)).reshape(16, 2, 8, 2, 3).mean((1, 3))
    assert abs(np.asarray(halve(Image.fromarray(noise), (16, 8))).astype(int) - means).max() <= 2
