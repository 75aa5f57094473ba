"""Which samples are held out for evaluation, where no split is given."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def require_share(share: float) -> None:
    """Refuses a held-out share that leaves nothing to train on; 0 holds out nothing.

    Raises:
        ValueError: it is negative, or 1 or more.
    """
    if not 0 <= share < 1:
        raise ValueError(f"Got holdout {share}: set a share between 0 and 1, as 0.05.")


def held_out(names: Sequence[str], share: float) -> npt.NDArray[np.bool_]:
    """Whether each sample is held out; adding samples moves few of the others, and a single one is kept.

    Args:
        names: of the samples, by which they are chosen.
        share: of them, at least one where it is more than 0.

    Returns:
        ``[N]`` bool.
    """
    marks = np.fromiter((zlib.crc32(os.fsencode(name)) for name in names), np.uint32, len(names))
    count = max(1, round(share * len(names))) if share and len(names) > 1 else 0
    chosen = np.zeros(len(names), bool)
    chosen[np.argsort(marks, kind="stable")[:count]] = True
    return chosen


def held_out_of_each(names: Sequence[str], labels: npt.NDArray[np.integer], share: float) -> npt.NDArray[np.bool_]:
    """Whether each sample is held out, a share of each class.

    Args:
        names: of the samples, by which they are chosen.
        labels: ``[N]`` classes.
        share: as of `held_out`.

    Returns:
        ``[N]`` bool.
    """
    chosen = np.zeros(len(names), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label).tolist()
        chosen[members] = held_out([names[member] for member in members], share)
    return chosen
