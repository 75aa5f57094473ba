"""The cameras of drawn views."""

import math

import numpy as np
import pytest

from lumina.scenes.cameras import camera_to_world
from lumina.scenes.ring import USUAL, Ring


def around(azimuth, elevation=20.0, distance=1.7):
    return camera_to_world(azimuth, elevation, distance)


def ring_of(*matrices):
    """In single precision, as batches have them."""
    return Ring.of(np.stack(matrices).astype(np.float32), [30.0] * len(matrices))


def test_what_cameras_have_in_common_is_known():
    ring = ring_of(around(0), around(33), around(200))
    assert (ring.elevation, ring.distance, ring.field_of_view) == pytest.approx((20, 1.7, 30))
    assert not ring.assumed


def test_what_differs_is_assumed_and_said():
    ring = ring_of(around(0, elevation=5), around(0, distance=2.5))
    assert (ring.elevation, ring.distance) == (None, None) and ring.field_of_view == pytest.approx(30)
    assert ring.assumed == {"elevation": USUAL["elevation"], "distance": USUAL["distance"]}


def test_nothing_is_known_of_no_cameras():
    assert Ring.of(np.zeros((0, 4, 4)), []) == Ring() and Ring().assumed == USUAL


def test_what_is_too_small_is_not_known():
    assert ring_of(around(0, distance=0.0004)).distance is None


@pytest.mark.parametrize(
    "name, value",
    [
        *(("elevation", value) for value in (120, -91, math.nan)),
        *(("distance", value) for value in (0, -1, math.inf, math.nan)),
        *(("field_of_view", value) for value in (0, 180, 200, math.nan)),
    ],
)
def test_numbers_out_of_their_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"Got {name} {value}: set "):
        Ring(**{name: value})


def test_cameras_stand_where_they_are_asked_for():
    first, second = Ring(elevation=-10.0, distance=3.0).cameras((0, 270), (32, 64))
    assert (first.azimuth, second.azimuth) == pytest.approx((0, 270)) and first.size == (32, 64)
    assert second.elevation == pytest.approx(-10)
    assert (second.camera_to_world[:3, 3] ** 2).sum() == pytest.approx(9)


def test_what_is_set_goes_before_what_is_seen():
    ring = Ring(elevation=5.0).completed(Ring(elevation=20.0, distance=2.0))
    assert ring == Ring(elevation=5.0, distance=2.0)
