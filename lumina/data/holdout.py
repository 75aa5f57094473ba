"""Chooses the held-out samples for evaluation when the data has no such split."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lumina.data.captions import composed


def require_share(share: float) -> None:
    """Checks that a held-out share leaves training data; 0 holds out nothing.

    Raises:
        ValueError: the share is negative, or 1 or more.
    """
    if not 0 <= share < 1:
        raise ValueError(f"Got holdout {share}: set a share between 0 and 1, as 0.05.")


def held_out(names: Sequence[str], share: float) -> npt.NDArray[np.bool_]:
    """Whether each sample is held out; adding samples changes this for few others. A single sample is not held out.

    Args:
        names: names of the samples, whose hashes in NFC decide.
        share: share of samples to hold out; if more than 0, at least one sample.

    Returns:
        ``[N]`` bool.
    """
    marks = np.fromiter((zlib.crc32(os.fsencode(composed(name))) for name in names), np.uint32, len(names))
    count = max(1, round(share * len(names))) if share and len(names) > 1 else 0
    chosen = np.zeros(len(names), bool)
    chosen[np.argsort(marks, kind="stable")[:count]] = True
    return chosen


def held_out_of_each(names: Sequence[str], labels: npt.NDArray[np.integer], share: float) -> npt.NDArray[np.bool_]:
    """Whether each sample is held out; the share applies to each class separately.

    Args:
        names: names of the samples, whose hashes decide.
        labels: ``[N]`` classes.
        share: as in `held_out`.

    Returns:
        ``[N]`` bool.
    """
    chosen = np.zeros(len(names), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label).tolist()
        chosen[members] = held_out([names[member] for member in members], share)
    return chosen
