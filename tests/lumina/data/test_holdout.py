"""The held-out share: chosen by name, stable as data grow."""

from __future__ import annotations

from unicodedata import normalize

import numpy as np
import pytest

from lumina.data.holdout import held_out, held_out_of_each, require_share

NAMES = [f"folder/{number:04d}.png" for number in range(1000)]


@pytest.mark.parametrize(("count", "share", "expected"), [(1000, 0.05, 50), (10, 0.01, 1), (1, 0.5, 0), (0, 0.5, 0)])
def test_so_many_are_held_out(count, share, expected):
    assert held_out(NAMES[:count], share).sum() == expected


def test_none_where_no_share_is_asked_for():
    assert not held_out(NAMES, 0.0).any()


def test_the_choice_follows_the_names_not_their_order():
    order = np.random.default_rng(0).permutation(len(NAMES))
    shuffled = held_out([NAMES[index] for index in order], 0.1)
    assert np.array_equal(shuffled, held_out(NAMES, 0.1)[order])


def test_new_samples_move_few_of_the_others():
    before, after = held_out(NAMES[:900], 0.1), held_out(NAMES, 0.1)[:900]
    assert before.sum() == 90 and (before & after).sum() >= 80


def test_a_share_of_each_class():
    labels = np.repeat([3, 7, 9], [500, 400, 100])
    chosen = held_out_of_each(NAMES, labels, 0.1)
    assert [int(chosen[labels == label].sum()) for label in (3, 7, 9)] == [50, 40, 10]


def test_names_need_not_be_unicode():
    assert held_out([b"caf\xe9".decode("utf-8", "surrogateescape"), "a"], 0.5).sum() == 1


def test_the_normal_form_of_a_name_makes_no_difference():
    names = [f"é{number}" for number in range(100)]
    decomposed = [normalize("NFD", name) for name in names]
    assert decomposed != names and np.array_equal(held_out(decomposed, 0.2), held_out(names, 0.2))


@pytest.mark.parametrize("share", [-0.1, 1.0, 5.0, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"Got holdout .*: set a share between 0 and 1, as 0\.05"):
        require_share(share)
    require_share(0.0)
