"""Pictures of clouds: where points land, what hides what, and nothing outside."""

import math

import pytest
import torch

from lumina.clouds.render import centred, render, turntable
from lumina.clouds.viewer import canvas_of


def dark(picture):
    """Row and column of the dark pixels' centre, in shares of the side."""
    weight = 1 - picture.mean(0)
    rows, columns = (torch.arange(side) + 0.5 for side in weight.shape)
    return (weight.sum(1) @ rows / weight.sum() / len(rows)).item(), (
        weight.sum(0) @ columns / weight.sum() / len(columns)
    ).item()


def blob(x, y, z):
    return torch.randn(400, 3) * 0.02 + torch.tensor([x, y, z])


def frame():
    """Corners that fix the place and the size of the picture."""
    return torch.tensor([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)]).repeat(50, 1)


@pytest.mark.parametrize(
    ("place", "azimuth", "side"),
    [((0.8, 0, 0), 0, "right"), ((-0.8, 0, 0), 0, "left"), ((0, 0.8, 0), 0, "top"), ((0, -0.8, 0), 1, "bottom"),
     ((0, 0, 0.8), math.pi / 2, "left"), ((0.8, 0, 0), math.pi, "left")],
)  # fmt: skip
def test_points_land_where_they_are(place, azimuth, side):
    row, column = dark(render(torch.cat((frame(), blob(*place))), azimuth, 64))
    share = {"right": column, "left": 1 - column, "top": 1 - row, "bottom": row}[side]
    assert share > 0.55


def test_near_points_hide_far_ones():
    sheet = torch.cat((torch.rand(9000, 2) * 2 - 1, torch.zeros(9000, 1)), 1)
    far, near = sheet - torch.tensor([0, 0, 0.5]), sheet + torch.tensor([0, 0, 0.5])
    alone = render(torch.cat((frame(), near)), 0, 64)
    both = render(torch.cat((frame(), near, far)), 0, 64)
    inside = slice(28, 36)
    torch.testing.assert_close(both[:, inside, inside], alone[:, inside, inside], atol=0.35, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 256, 16_384])
def test_any_number_of_points_anywhere(count):
    picture = turntable(torch.randn(count, 3) * 1e3 + 1e4, 3, 48)
    assert picture.shape == (3, 48, 144)
    assert picture.min() >= -1 and picture.max() <= 1
    for view in picture.split(48, 2):
        assert (view < 0.9).any()
        assert (view > 0.999).any()  # the background is white


def test_stray_points_neither_shrink_nor_shift_a_cloud():
    points = torch.randn(1000, 3)
    strays = torch.cat((points, torch.tensor([[0.0, 90.0, 0.0], [40.0, 0.0, 0.0]])))
    torch.testing.assert_close(centred(strays)[:1000], centred(points), atol=0.1, rtol=0)


def test_stray_points_do_not_level_the_colours():
    points = torch.randn(1000, 3)
    strays = torch.cat((points, torch.tensor([[0.0, 1e4, 0.0]])))
    spread, expected = (
        (picture[0] - picture[2])[picture.mean(0) < 0.9].std() for picture in (render(x, 0.3) for x in (strays, points))
    )
    torch.testing.assert_close(spread, expected, atol=0, rtol=0.1)


@pytest.mark.filterwarnings("error")
def test_what_is_not_finite_is_drawn_without_a_word():
    points = torch.tensor([[0.0, torch.nan, torch.inf], [1, 2, 3]])
    assert render(points, 0.3, 16).isfinite().all()
    canvas_of(points, 16)
