"""Inception Score (Salimans et al., 2016), as ADM's evaluator and as torch-fidelity compute it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

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
    return torch.stack([_score(block) for block in logits.split(block_size)]).mean().item()


class Score(NamedTuple):
    """Mean and standard deviation (ddof 0) over splits."""

    mean: float
    std: float


def inception_score_of_splits(logits: Tensor, splits: int = 10) -> Score:
    """The score of ``splits`` consecutive, equally large parts, as torch-fidelity and audioldm_eval compute it.

    Args:
        logits: ``[N, classes]``, shuffled.
        splits: number of parts.

    Raises:
        ValueError: there are fewer rows than parts.
    """
    if logits.ndim != 2 or len(logits) < splits:
        raise ValueError(
            f"inception_score_of_splits got logits of shape {list(logits.shape)}; give at least {splits} rows, [N, C]."
        )
    borders = [number * len(logits) // splits for number in range(splits + 1)]
    scores = torch.stack([_score(logits[start:end]) for start, end in pairwise(borders)])
    return Score(scores.mean().item(), scores.std(correction=0).item())


def _score(logits: Tensor) -> Tensor:
    log_p = logits.double().log_softmax(1)
    log_marginal = log_p.logsumexp(0) - math.log(len(logits))
    return (log_p.exp() * (log_p - log_marginal)).sum(1).mean().exp()
