"""Whether views agree on one object: true ones do, others do less, and the numbers are those of closed forms."""

import math

import pytest
import torch
from tiny_scenes import BALLS, ring, see

from lumina.metrics.views import colour_consistency, silhouettes_explained
from lumina.metrics.views.agreement import _mean_difference, agreement
from lumina.metrics.views.pinholes import Pinholes

EVEN = range(0, 360, 45)


@pytest.fixture(scope="module")
def cameras():
    return ring(EVEN)


@pytest.fixture(scope="module")
def seen(cameras):
    return see(cameras)


@pytest.mark.parametrize(
    "azimuths", [range(0, 360, 90), (0, 33, 90, 140, 201, 300), range(0, 360, 45), range(0, 360, 15)]
)
def test_true_views_agree(azimuths):
    cameras = ring(azimuths)
    seen = see(cameras)
    assert silhouettes_explained(seen.masks, cameras).mean() > 0.99
    colours = colour_consistency(seen.pictures, seen.masks, cameras)
    assert colours.points > 50
    assert colours.over_shuffled < 0.5


def test_the_more_views_are_wrong_the_less_is_explained(cameras, seen):
    off = [see(ring([turn, *EVEN[1:]])).masks for turn in (15, 45)]
    other = torch.stack([see([camera], BALLS[torch.arange(4) == n % 4]).masks[0] for n, camera in enumerate(cameras)])
    shares = [float(silhouettes_explained(m, cameras).mean()) for m in (seen.masks, *off, seen.masks.flip(0), other)]
    assert shares[0] > shares[1] > shares[2] > shares[4]
    assert shares[2] > shares[3] > shares[4]


def test_colours_tell_copies_and_shuffled_objects(cameras, seen):
    def score(pictures, masks):
        return colour_consistency(pictures, masks, cameras).over_shuffled

    true = score(seen.pictures, seen.masks)
    strange = torch.stack([see([camera], phase=n).pictures[0] for n, camera in enumerate(cameras)])
    assert score(strange, seen.masks) > 1.5 * true
    assert score(seen.pictures[:1].repeat(8, 1, 1, 1), seen.masks[:1].repeat(8, 1, 1)) > true
    noise = 0.4 * torch.randn(seen.pictures.shape, generator=torch.Generator().manual_seed(0))
    assert score(seen.pictures + noise, seen.masks) > true


def test_half_a_silhouette_is_explained_by_half_of_the_other():
    """Far away, so that rays are parallel; one row of the rest is explained by the dilated mask."""
    cameras = ring([0, 90], elevation=0, distance=200, field_of_view=2 * math.degrees(math.atan(1 / 200)))
    masks = torch.zeros(2, 64, 64)
    masks[0, 16:48, 20:40] = 1
    masks[1, 32:48, 10:50] = 1
    assert silhouettes_explained(masks, cameras, voxels=96).tolist() == pytest.approx([17 / 32, 1], abs=0.01)


def test_a_ball_of_one_colour_a_side():
    """Two views from opposite sides share the rim alone; four of a plain object differ by nothing."""
    cameras = ring(range(0, 360, 90))
    masks = see(cameras, BALLS[:1]).masks
    plain = torch.zeros(4, 3, 64, 64)
    colours = colour_consistency(plain, masks, cameras)
    assert (colours.difference, colours.shuffled) == (0, 0)
    assert math.isnan(colours.over_shuffled)
    dark = plain.clone()
    dark[0] = -1
    colours = colour_consistency(dark, masks, cameras)
    assert colours.difference == pytest.approx(0.25, abs=0.01)  # half of the pairs differ by 0.5 of the range
    assert colours.over_shuffled == pytest.approx(1)


def test_an_empty_silhouette_explains_nothing(cameras, seen):
    masks = seen.masks.clone()
    masks[3] = False
    assert silhouettes_explained(masks, cameras).tolist() == [0] * 8
    colours = colour_consistency(seen.pictures, masks, cameras)
    assert colours.points == 0
    assert math.isnan(colours.difference)


def test_the_order_of_the_views_changes_nothing(cameras, seen):
    order = [3, 0, 7, 1, 6, 2, 5, 4]
    moved = [cameras[place] for place in order]
    alone, found = silhouettes_explained(seen.masks, cameras), silhouettes_explained(seen.masks[order], moved)
    assert torch.equal(found, alone[order])
    one = colour_consistency(seen.pictures, seen.masks, cameras)
    other = colour_consistency(seen.pictures[order], seen.masks[order], moved)
    assert one.difference == pytest.approx(other.difference)
    assert one.shuffled == pytest.approx(other.shuffled)


def test_matrices_are_as_good_as_cameras(cameras, seen):
    matrices = Pinholes.of_view(Pinholes.of(cameras).camera_to_world, 30.0)
    assert torch.equal(silhouettes_explained(seen.masks, matrices), silhouettes_explained(seen.masks, cameras))


def test_the_size_of_large_pictures_matters_little():
    cameras = [ring(EVEN, size=(side, side)) for side in (128, 256)]
    one, other = (colour_consistency(seen.pictures, seen.masks, where) for where in cameras for seen in (see(where),))
    assert one.over_shuffled == pytest.approx(other.over_shuffled, abs=0.08)


def test_the_mean_over_all_pairs_is_exact():
    mine, theirs = torch.rand(2, 50, 3)
    theirs[:7] = mine[:7]
    expected = (mine[:, None] - theirs).abs().mean()
    assert _mean_difference(mine, theirs) == pytest.approx(float(expected), rel=1e-5)


def test_both_at_once_are_both(cameras, seen):
    found = agreement(seen.pictures, seen.masks, cameras)
    assert torch.equal(found.explained, silhouettes_explained(seen.masks, cameras))
    assert found.colours == colour_consistency(seen.pictures, seen.masks, cameras)
