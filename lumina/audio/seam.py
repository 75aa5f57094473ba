"""Seams between sound that stays and sound that is drawn: neither a click nor a hole."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

FADE = 256  # samples over which the drawn sound takes over
ORDER, CONTEXT = 64, 2048  # coefficients of the linear prediction, and samples that they are fitted to
REGULARISATION = 1e-6  # of the power, added to the autocorrelation at lag 0, so that a pure tone has a solution

Parts = Sequence[tuple[int, int]]
"""First and last samples (the last excluded) of what stays, ascending and apart."""


def joined(drawn: Tensor, sound: Tensor, parts: Parts) -> Tensor:
    """The drawn sound with parts of another one in place, each sample of them as it was.

    Outside of them the other sound goes on by linear prediction for `FADE` samples, in which it fades out while the
    drawn sound fades in, at constant power as they have no common phase. A drawn sound with peaks over 1 is scaled,
    with a warning, so that the whole need not be.

    Args:
        drawn: ``[N]``.
        sound: ``[N']``, the other one.
        parts: of it, within N and N'.
    """
    peak = float(drawn.abs().amax())
    if peak > 1:
        warnings.warn(f"the drawn sound's peak was {peak:.2f} and is scaled to 1; what stays is not", stacklevel=2)
    whole = drawn / max(1.0, peak)
    edges = [0, *(edge for part in parts for edge in part), len(drawn)]
    gaps = [after - before for before, after in list(pairwise(edges))[::2]]
    for number, (first, last) in enumerate(parts):
        before = min(FADE, gaps[number] // (2 if number else 1))
        after = min(FADE, gaps[number + 1] // (2 if number + 1 < len(parts) else 1))
        whole[first:last] = sound[first:last]
        whole[last : last + after] = _faded(prediction(sound[first:last], after), whole[last : last + after])
        backwards = whole[first - before : first].flip(0)
        whole[first - before : first] = _faded(prediction(sound[first:last].flip(0), before), backwards).flip(0)
    return whole.clamp(-1, 1)  # where both sound at once


def prediction(sound: Tensor, count: int) -> Tensor:
    """``count`` samples with which ``sound [N]`` would go on: each a fixed sum of those before it, and what is new.

    The coefficients are those of the autocorrelation method, whose filter is stable. What is new in each sample, much
    in noise and little in a tone, is what was new in the last ones, backwards.
    """
    recent = sound[-CONTEXT:].double().cpu().numpy()
    order = min(ORDER, len(recent) // 2)
    if not order or not recent.any():
        return sound.new_zeros(count)
    windowed = recent * np.hanning(len(recent) + 2)[1:-1]
    lags = np.array([windowed[: len(windowed) - lag] @ windowed[lag:] for lag in range(order + 1)])
    lags[0] *= 1 + REGULARISATION
    places = np.arange(order)
    coefficients = np.linalg.solve(lags[np.abs(places[:, None] - places)], lags[1:])[::-1]
    new = recent[order:] - np.lib.stride_tricks.sliding_window_view(recent[:-1], order) @ coefficients
    samples = np.concatenate((recent[-order:], np.resize(new[::-1], count)))
    for place in range(count):
        samples[order + place] += samples[place : order + place] @ coefficients
    return torch.from_numpy(samples[order:]).to(sound)


def _faded(leaving: Tensor, coming: Tensor) -> Tensor:
    """One fades out while the other fades in."""
    angle = torch.linspace(0, torch.pi / 2, len(leaving) + 2, device=leaving.device)[1:-1]
    return leaving * angle.cos() + coming * angle.sin()
