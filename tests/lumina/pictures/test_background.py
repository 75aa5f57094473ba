import numpy as np
import pytest
import torch
from PIL import Image

from lumina.pictures.background import composite, parse_colour, random_colour, square


def pixels(image, size):
    found = square(image, size)
    assert found.dtype == torch.uint8
    return found / 255


def half_clear(size, colour=(200, 100, 50)):
    """Colour at the right, transparent black at the left."""
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[:, size // 2 :] = (*colour, 255)
    return Image.fromarray(pixels)


def test_transparent_is_background_and_opaque_is_itself():
    shown = composite(pixels(half_clear(8), 8), parse_colour("white"))
    assert shown.shape == (3, 8, 8)
    assert (shown[:, :, :4] == 1).all()
    expected = torch.tensor([200.0, 100, 50]) / 127.5 - 1
    torch.testing.assert_close(shown[:, :, 4:], expected.view(3, 1, 1).expand(3, 8, 4))


@pytest.mark.parametrize("size", [5, 8, 11])
def test_resizing_makes_no_fringe(size):
    """On a background of its own colour an object cannot be seen, whatever colour its transparent pixels have."""
    shown = composite(pixels(half_clear(33, (64, 128, 192)), size), (64 / 255, 128 / 255, 192 / 255))
    flat = torch.tensor([64.0, 128, 192]).view(3, 1, 1) / 127.5 - 1
    assert (shown - flat).abs().max() < 2.5 / 127.5


def test_values_stay_in_range():
    shown = composite(pixels(half_clear(33, (255, 255, 255)), 9), parse_colour("black"))
    assert shown.min() == -1 and shown.max() == 1


def test_many_views_at_once():
    views = torch.stack([pixels(half_clear(8), 8)] * 3)
    torch.testing.assert_close(composite(views, (0.5, 0.5, 0.5))[1], composite(views[1], (0.5, 0.5, 0.5)))


def test_colours():
    assert parse_colour("#ff0080") == (1, 0, 128 / 255)
    assert parse_colour("grey") == (128 / 255,) * 3
    drawn = [random_colour(torch.Generator().manual_seed(seed)) for seed in range(3)]
    assert len(set(drawn)) == 3 and all(0 <= part <= 1 for colour in drawn for part in colour)


@pytest.mark.parametrize("text", ["whitish", "#12345", "#11223344", ""])
def test_no_colour(text):
    with pytest.raises(ValueError, match="not a colour"):
        parse_colour(text)
