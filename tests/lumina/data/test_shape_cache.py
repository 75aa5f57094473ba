"""Clouds that are read once: what comes back is what was read, wherever it lies."""

from __future__ import annotations

import numpy as np
import pytest

from lumina.data.shape_cache import ShapeCache
from lumina.errors import CorruptSample

RNG = np.random.default_rng(0)
CLOUDS = [RNG.normal(size=(count, 3)) + offset for count, offset in ((5, 0), (8, 1e6), (3, -40))]
NAMES = ["one", "two", "three"]


class Reader:
    """Counts its calls and fails for some of the shapes."""

    def __init__(self, *broken):
        self.broken, self.read = broken, []

    def __call__(self, index):
        self.read.append(index)
        if index in self.broken:
            raise CorruptSample(NAMES[index], "is broken")
        return CLOUDS[index]


def cache(reader, folder, source="a"):
    return ShapeCache(NAMES, 8, reader, folder, source)


def test_clouds_come_back_to_float32_about_their_centre(tmp_path):
    for folder in (None, tmp_path, tmp_path):
        found = cache(Reader(), folder)
        for index, cloud in enumerate(CLOUDS):
            assert found.read(index).dtype == np.float64
            np.testing.assert_allclose(found.read(index), cloud, atol=1e-6, rtol=0)


def test_files_are_read_once_and_again_when_they_change(tmp_path):
    first, second, third = Reader(), Reader(), Reader()
    cache(first, tmp_path)
    cache(second, tmp_path)
    cache(third, tmp_path, source="b")
    assert (first.read, second.read, third.read) == ([0, 1, 2], [], [0, 1, 2])


def test_what_could_not_be_read_is_named_and_tried_again_alone(tmp_path):
    found = cache(Reader(1), tmp_path)
    with pytest.raises(CorruptSample, match="two: is broken"):
        found.read(1)
    again = Reader()
    np.testing.assert_allclose(cache(again, tmp_path).read(1), CLOUDS[1], atol=1e-6, rtol=0)
    assert again.read == [1]


def test_a_selection_of_a_selection():
    some = cache(Reader(0), None).select([2, 0]).select([1, 0])
    assert list(some.names) == ["one", "three"]
    np.testing.assert_allclose(some.read(1), CLOUDS[2], atol=1e-6, rtol=0)
    with pytest.raises(CorruptSample, match="one: is broken"):
        some.read(0)
