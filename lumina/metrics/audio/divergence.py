"""Kullback-Leibler divergence of tags."""

from __future__ import annotations

from torch import Tensor

EPSILON = 1e-6


def kl_divergence(target: Tensor, predicted: Tensor, epsilon: float = EPSILON) -> Tensor:
    """``KL(p_target || p_predicted)`` of each pair, ``[B]`` float64; p is the softmax of all tags.

    Published numbers differ: audioldm_eval and audiocraft add 1e-6 to the predicted probability, av-benchmark adds
    nothing, and stable-audio-metrics adds it with both sides exchanged.

    Args:
        target: ``[B, K]`` logits of the real sounds.
        predicted: ``[B, K]`` logits of the generated ones.
        epsilon: added to the predicted probabilities.
    """
    log_target, log_predicted = target.double().log_softmax(1), predicted.double().log_softmax(1)
    if epsilon:
        log_predicted = (log_predicted.exp() + epsilon).log()
    return (log_target.exp() * (log_target - log_predicted)).sum(1)
