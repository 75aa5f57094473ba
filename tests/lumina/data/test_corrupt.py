import warnings
from math import comb

import numpy as np
import pytest

from lumina.data.corrupt import CHANCE, CorruptCount, beyond_chance


@pytest.mark.parametrize("limit", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("seen", [1, 5, 60, 400])
def test_the_rule_is_the_tail_of_the_binomial_distribution(limit, seen):
    for corrupt in range(min(seen, 20) + 1):
        tail = sum(comb(seen, k) * limit**k * (1 - limit) ** (seen - k) for k in range(corrupt, seen + 1))
        assert beyond_chance(corrupt, seen, limit) == (corrupt > 0 and tail < CHANCE)


def ended(size, corrupt, limit=0.01, batch=16, runs=300):
    """After how many samples each run is ended, `size` where it is not: one random order, looked at every batch."""
    draw, stops = np.random.default_rng(0), []
    for _ in range(runs):
        places = draw.choice(size, corrupt, replace=False)
        seen = np.minimum((np.sort(places) // batch + 1) * batch, size)
        counts = np.searchsorted(seen, seen, "right")
        stops.append(next((n for k, n in zip(counts, seen, strict=True) if beyond_chance(int(k), int(n), limit)), size))
    return np.array(stops)


@pytest.mark.parametrize(("size", "corrupt"), [(120, 1), (400, 2), (1000, 5), (10_000, 50)])
def test_data_below_the_limit_pass(size, corrupt):
    assert (ended(size, corrupt) < size).mean() < 0.005


def test_data_at_the_limit_nearly_always_pass():
    assert (ended(5000, 50) < 5000).mean() < 0.03


@pytest.mark.parametrize("size", [1000, 10_000])
def test_data_far_above_the_limit_end_the_run_soon(size):
    assert np.quantile(ended(size, size // 20), 0.95) < 500


def test_samples_count_once_and_data_sets_apart():
    count = CorruptCount(0.5)
    with pytest.warns(UserWarning, match=r"a\.png: cut off"):
        count.add("training", [7, 0, 7], {7: "a.png: cut off at 0x1"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count.add("training", [7, 1], {7: "a.png: cut off at 0x2"})
    with pytest.warns(UserWarning, match=r"b\.png"):
        count.add("evaluation", [7], {7: "b.png: empty"})
    assert count.seen == 4 and sorted(count.known) == [("evaluation", 7), ("training", 7)]


def test_the_end_is_told_with_numbers_and_names():
    count = CorruptCount(0.01)
    with pytest.warns(UserWarning):
        count.add("training", range(50), {0: "a.png: cut off"})
        with pytest.raises(
            ValueError, match=r"5 of the first 54 samples are corrupt \(9\.26%\), .*; a\.png: .*b1\.png"
        ):
            count.add("training", range(50, 54), {n: f"b{n - 50}.png: empty" for n in range(50, 54)})
