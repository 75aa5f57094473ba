"""Inception Score: reference implementations and closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.inception_score import inception_score

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
