"""The real samples with which generated ones are compared."""

import pytest
from tiny_features import Tones

from lumina.metrics.real_batches import real_batches, require_fields


def names(limit):
    return [name for batch in real_batches(Tones(), "train", limit, "Tones") for name in batch["name"]]


def test_each_once_in_an_order_of_their_own():
    assert sorted(names(100)) == sorted(f"{'abc'[number % 3]}_{number}" for number in range(12))
    assert names(100) == names(100) != sorted(names(100))
    assert names(5) == names(100)[:5]


def test_missing_fields_are_named():
    require_fields(Tones(), "test", ("sound", "name"), "it", "Do that.")
    with pytest.raises(
        ValueError, match=r"Tones yields no image and no size, which it needs; it yields: .*\. Do that\."
    ):
        require_fields(Tones(), "test", ("size", "image", "name"), "it", "Do that.")
