"""Sort keys that make results independent of the order of the samples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor


def content_keys(samples: Iterable[Tensor]) -> Tensor:
    """A 63-bit hash of each sample's bytes, ``[N]`` int64 on the CPU.

    The batch size and the number of processes determine the order in which a metric sees its samples. A metric that
    draws a subset or splits samples into blocks sorts them by these keys first, so its result does not depend on that
    order.
    """
    return torch.tensor([_key(sample) for sample in samples], dtype=torch.int64)


def _key(sample: Tensor) -> int:
    content = sample.detach().cpu().contiguous().numpy().tobytes()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little") >> 1
