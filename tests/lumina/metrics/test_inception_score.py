"""Inception Score: reference implementations and closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.inception_score import inception_score, inception_score_of_splits

ORACLE = dict(np.load(Path(__file__).parents[2] / "data/oracles/inception_score.npz"))
LOGITS = torch.from_numpy(ORACLE["logits"])


@pytest.mark.parametrize(
    ("key", "block_size"),
    [
        ("adm_split_size100", 100),
        ("adm_split_size1000", 1000),
        ("torch_fidelity_shuffle0_splits10", 100),
        ("audioldm_eval_shuffle0_splits10", 100),
        ("torch_fidelity_splits1", 1000),
    ],
)
def test_agrees_with_reference_implementations(key, block_size):
    assert inception_score(LOGITS, block_size) == pytest.approx(ORACLE[key].flat[0], rel=1e-7)


def test_agrees_with_reference_implementations_after_their_shuffle():
    shuffled = LOGITS[torch.from_numpy(ORACLE["permutation_seed2020"])]
    assert inception_score(shuffled, 100) == pytest.approx(ORACLE["torch_fidelity_shuffle1_splits10"][0], rel=1e-7)


def test_is_the_number_of_classes_when_each_picture_is_sure_of_its_own():
    assert inception_score(1000 * torch.eye(7).repeat(4, 1)) == pytest.approx(7)
    assert inception_score(torch.zeros(9, 7)) == pytest.approx(1)


def test_the_last_block_may_be_smaller():
    # blocks of two classes, two classes and one class
    assert inception_score(1000 * torch.eye(5), 2) == pytest.approx((2 + 2 + 1) / 3)


def test_the_bias_of_all_logits_does_not_matter():
    assert inception_score(LOGITS + 3) == pytest.approx(inception_score(LOGITS), rel=1e-5)


@pytest.mark.parametrize("shape", [(0, 5), (5,)])
def test_no_pictures_are_named(shape):
    with pytest.raises(ValueError, match="at least one row"):
        inception_score(torch.zeros(shape))


@pytest.mark.parametrize("tool", ["torch_fidelity", "audioldm_eval"])
@pytest.mark.parametrize("shuffled", [0, 1])
def test_ten_splits_agree_with_reference_implementations(tool, shuffled):
    order = torch.from_numpy(ORACLE["permutation_seed2020"]) if shuffled else torch.arange(1000)
    expected = tuple(ORACLE[f"{tool}_shuffle{shuffled}_splits10"])
    assert tuple(inception_score_of_splits(LOGITS[order])) == pytest.approx(expected, rel=1e-7)


def test_splits_of_unequal_length_agree_with_the_reference_implementation():
    expected = tuple(ORACLE["torch_fidelity_n997_splits10"])
    assert tuple(inception_score_of_splits(LOGITS[:997])) == pytest.approx(expected, rel=1e-7)


def test_fewer_rows_than_splits_are_refused():
    with pytest.raises(ValueError, match="at least 10 rows"):
        inception_score_of_splits(LOGITS[:9])
