"""An order of samples that does not depend on how they arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor


def content_keys(samples: Iterable[Tensor]) -> Tensor:
    """A 63-bit hash of each sample's bytes, ``[N]`` int64 on the CPU.

    Batch size and number of processes decide in which order a metric sees its samples. What draws some of them, or
    splits them into blocks, sorts them by these keys first, so that its result depends on the samples alone.
    """
    return torch.tensor([_key(sample) for sample in samples], dtype=torch.int64)


def _key(sample: Tensor) -> int:
    content = sample.detach().cpu().contiguous().numpy().tobytes()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little") >> 1
