"""Divergence of tags against the published tools."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lumina.metrics.audio.divergence import kl_divergence
from lumina.metrics.inception_score import inception_score_of_splits

ORACLE = dict(np.load(Path(__file__).parents[3] / "data/oracles/audio_kl.npz"))
TARGET, PREDICTED = (torch.from_numpy(ORACLE[name]) for name in ("target_logits", "pred_logits"))


@pytest.mark.parametrize(
    ("result", "sides", "epsilon"),
    [
        ("audioldm_eval_kl_softmax", (TARGET, PREDICTED), 1e-6),
        ("audiocraft_kld_pq", (TARGET, PREDICTED), 1e-6),
        ("av_benchmark_kl_softmax", (TARGET, PREDICTED), 0.0),
        ("exact_f64_kl_target_pred", (TARGET, PREDICTED), 0.0),
        ("audiocraft_kld_qp", (PREDICTED, TARGET), 1e-6),
        ("stable_audio_metrics_kld", (PREDICTED, TARGET), 1e-6),
        ("exact_f64_kl_pred_target", (PREDICTED, TARGET), 0.0),
    ],
)
def test_published_tools(result, sides, epsilon):
    assert kl_divergence(*sides, epsilon).mean().item() == pytest.approx(float(ORACLE[result]), rel=1e-5)


def test_of_each_pair():
    found = kl_divergence(TARGET, PREDICTED)
    np.testing.assert_allclose(found, ORACLE["audiocraft_kld_pq_per_item"], rtol=1e-4)


def test_equal_tags_do_not_diverge():
    assert kl_divergence(TARGET, TARGET, 0.0).abs().max() < 1e-12


def test_inception_score_of_sounds():
    order = np.random.RandomState(2020).permutation(len(PREDICTED))
    found = inception_score_of_splits(PREDICTED[order])
    assert tuple(found) == pytest.approx(tuple(ORACLE["audioldm_eval_isc_pred_splits10_seed2020"]), rel=1e-5)
