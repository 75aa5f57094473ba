"""What becomes of rotary axes in a model with another number of them, or with other dimensions for them."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.backbone import NextDiTConfig
from lumina.backbone.rope import rotary_angles


def compare_axes(theirs: NextDiTConfig, ours: NextDiTConfig) -> tuple[str, ...]:
    """What becomes of each axis, in words.

    The last axis corresponds to the last, the one before to the one before: rows and columns keep their order if an
    axis of views or frames comes in front of them. An axis is kept if it rotates the same dimensions of a head by the
    same frequencies; then the attention weights mean the same. One that rotated nothing counts as new.

    Args:
        theirs: config of the source.
        ours: config of the model to be trained.

    Returns:
        A sentence for each axis of ``ours``, and for each of ``theirs`` that has no counterpart.
    """
    there, here = len(theirs.rope_dims), len(ours.rope_dims)
    lost = [f"axis {axis + 1} of the source is left out" for axis in range(there - here)]
    return (*lost, *(_compare(theirs, ours, axis - here + there, axis) for axis in range(here)))


def _compare(theirs: NextDiTConfig, ours: NextDiTConfig, there: int, here: int) -> str:
    name, dims = f"axis {here + 1}", ours.rope_dims[here]
    if there < 0 or (dims and not theirs.rope_dims[there]):
        return f"{name} is new and rotates {f'{dims} dimensions' if dims else 'nothing'}"
    if torch.equal(_frequencies(theirs, there), _frequencies(ours, here)):
        return f"{name} keeps its {dims} dimensions" if dims else f"{name} still rotates nothing"
    return f"{name} changes: {theirs.rope_dims[there]} dimensions became {dims}, at other places or frequencies"


def _frequencies(config: NextDiTConfig, axis: int) -> Tensor:
    """``[head_dim / 2]``, by how much one step along an axis rotates each pair of dimensions."""
    step = torch.zeros(1, 1, len(config.rope_dims))
    step[..., axis] = 1
    return rotary_angles(step, config.rope_dims, config.rope_base, config.rope_layout).flatten()
