"""Inception Score (Salimans et al., 2016), as ADM's evaluator computes it."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def inception_score(logits: Tensor, block_size: int = 5000) -> float:
    """``exp(E_x KL(p(y|x) || p(y)))``, averaged over blocks of consecutive pictures.

    Shuffle the pictures first: blocks of pictures sorted by class lack variety. The last block may be smaller.

    Args:
        logits: ``[N, classes]``.
        block_size: pictures per block.

    Raises:
        ValueError: there are no pictures.
    """
    if logits.ndim != 2 or not len(logits):
        raise ValueError(f"inception_score got logits of shape {list(logits.shape)}; give at least one row, [N, C].")
    scores = []
    for block in logits.double().split(block_size):
        log_p = block.log_softmax(1)
        log_marginal = log_p.logsumexp(0) - math.log(len(block))
        scores.append((log_p.exp() * (log_p - log_marginal)).sum(1).mean().exp())
    return torch.stack(scores).mean().item()
