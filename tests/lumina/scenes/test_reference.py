"""References of users: any picture is made to look as in training, or refused in a sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lumina.scenes.reference import FILL, check_reference, read_reference

RED = (255, 0, 0, 255)


@pytest.fixture
def drawn(tmp_path):
    """Makes a picture file with a red box."""

    def make(
        size: tuple[int, int], box: tuple[int, int, int, int] | None, mode: str = "RGBA", name: str = "x.png"
    ) -> Path:
        picture = Image.new("RGBA", size)
        if box is not None:
            picture.paste(RED, box)
        picture.convert(mode).save(tmp_path / name)
        return tmp_path / name

    return make


def extent(picture: torch.Tensor) -> tuple[int, int, int, int]:
    """Rows and columns of what is red."""
    rows, columns = (picture[0] - picture[1] > 1).nonzero(as_tuple=True)
    return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1


def test_a_render_stays_as_it_is(drawn):
    picture = read_reference(drawn((64, 64), (10, 14, 50, 56)), (64, 64))
    assert extent(picture) == (14, 56, 10, 50)
    assert picture.shape == (3, 64, 64) and picture.amax() == 1 and picture.amin() == -1


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((64, 64), (0, 0, 16, 8)),  # small and aside
        ((64, 64), (30, 30, 40, 35)),  # small
        ((300, 100), (200, 0, 300, 50)),  # aside in a wide picture
        ((4000, 3000), (0, 0, 2000, 1000)),
    ],
)
def test_an_object_is_centred_and_scaled_where_alpha_says_where_it_is(drawn, size, box):
    top, bottom, left, right = extent(read_reference(drawn(size, box), (64, 64)))
    assert abs(top + bottom - 64) <= 1 and abs(left + right - 64) <= 1
    assert (right - left, bottom - top) == pytest.approx((FILL * 64, FILL * 32), abs=1)


def test_the_background_is_that_of_training(drawn):
    file = drawn((64, 64), (16, 16, 48, 48))
    picture = read_reference(file, (64, 64), (0.5, 0.25, 0.0))
    torch.testing.assert_close(picture[:, 0, 0], torch.tensor([0.0, -0.5, -1.0]))
    torch.testing.assert_close(picture[:, 32, 32], torch.tensor([1.0, -1.0, -1.0]))


def test_half_transparent_pixels_are_mixed(tmp_path):
    file = tmp_path / "glass.png"
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[8:24, 8:24] = (255, 0, 0, 51)
    Image.fromarray(pixels).save(file)
    colour = read_reference(file, (32, 32))[:, 16, 16]
    torch.testing.assert_close(colour, torch.tensor([1.0, 0.6, 0.6]))


def test_the_colour_below_transparent_pixels_does_not_bleed(tmp_path):
    """Tools that remove backgrounds leave their colours below alpha 0."""
    file, pixels = tmp_path / "cut.png", np.zeros((256, 256, 4), np.uint8)
    pixels[..., 1] = 255  # green all over
    pixels[40:216, 40:216] = RED
    Image.fromarray(pixels).save(file)
    picture = read_reference(file, (32, 32))
    assert not (picture[1] > picture[0] + 0.05).any()


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK"])
def test_a_picture_without_alpha_is_taken_as_it_is_with_one_line(drawn, mode):
    file = drawn((40, 20), (0, 0, 40, 20), mode, "x.tif")
    with pytest.warns(UserWarning, match="no transparent background and is taken as it is") as said:
        check_reference(file)
    assert len(said) == 1
    picture = read_reference(file, (32, 32))
    assert picture.shape == (3, 32, 32)
    assert (picture[:, :8] == 1).all() and (picture[:, -8:] == 1).all()  # proportions stay, the rest is background
    assert not (picture[:, 8:24] == 1).all()


def test_alpha_that_an_encoder_made_a_little_less_than_opaque_is_none(drawn, tmp_path):
    file = tmp_path / "nearly.png"
    with Image.open(drawn((40, 20), (0, 0, 40, 20))) as picture:
        picture.putalpha(253)
        picture.save(file)
    with pytest.warns(UserWarning, match="no transparent background"):
        check_reference(file)
    assert not (read_reference(file, (32, 32))[:, 8:24] == 1).any(-1).any(-1).all()


def test_a_picture_with_alpha_needs_no_words(drawn, recwarn):
    check_reference(drawn((40, 20), (8, 0, 20, 20)))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("size", "box", "said"),
    [
        ((64, 64), None, "is transparent everywhere"),
        ((1, 1), (0, 0, 1, 1), "an object of 1x1 pixels; give at least 8"),
        ((64, 64), (3, 3, 6, 5), "an object of 3x2 pixels; give at least 8"),
    ],
)
def test_what_shows_nothing_is_refused(drawn, size, box, said):
    with pytest.raises(ValueError, match=said):
        check_reference(drawn(size, box))


def test_a_picture_of_20_000_pixels_a_side_is_refused_by_its_header(tmp_path):
    file = tmp_path / "huge.pgm"
    file.write_bytes(b"P5 20000 20000 255\n")
    with pytest.raises(ValueError, match=r"--reference cannot be read: .*400000000 pixels"):
        check_reference(file)


def test_a_long_picture_is_read(drawn):
    picture = read_reference(drawn((20_000, 20), (0, 0, 20_000, 20)), (16, 16))
    assert picture.shape == (3, 16, 16)


def test_a_thin_object_keeps_a_pixel(drawn):
    picture = read_reference(drawn((2000, 64), (0, 10, 2000, 12)), (16, 16))
    assert (picture[1] < 0.99).any()
