"""Random numbers that depend only on their purpose, the seed and the position in the run.

Lightning does not save the random state. Everything random in training therefore comes from a generator keyed on its
purpose, the seed and the step or sample, so a resumed run draws the same numbers as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum, unique
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor


@unique
class Purpose(StrEnum):
    """What random numbers are used for. Two purposes never share a stream, whatever their keys."""

    ORDER = "order of the samples of an epoch"
    STEPS = "order of the batches of an epoch"
    MIXTURE = "samples of an epoch, where it has not all"
    AUGMENTATION = "augmentation of a sample"
    MIXING = "mixing of the samples of a batch"
    TRAINING = "noise, times and dropped conditions of training"
    VALIDATION = "noise and times of validation"
    TEST = "noise of a test"
    PREDICTION = "noise of predictions"
    GRID = "noise of the sample grid"
    SAMPLE = "noise of a drawn sample"
    HOLDOUT = "samples held out"
    CHOICE = "samples to look at"
    POINTS = "points to keep of a cloud"
    FIT = "training of a network that measures"
    DROPOUT = "dropout inside the network"
    BASELINE = "samples without a model, to compare with"
    RESAMPLING = "sets drawn for a confidence interval"
    COMPOSITION = "what a synthetic sound consists of"
    CAMERAS = "cameras around an object"
    STRETCHES = "stretched shapes of an object"


def keyed_generator(purpose: Purpose, *key: int, device: torch.device | str = "cpu") -> Generator:
    """A generator whose stream is a function of the purpose and the key.

    Args:
        purpose: what the numbers are used for.
        *key: integers; keys of different lengths are different keys.
        device: the generator's device.
    """
    return Generator(device).manual_seed(_seed(purpose, key))


def keyed_random(purpose: Purpose, *key: int) -> random.Random:
    """Python's generator, for choices among names, whose stream is a function of the purpose and the key."""
    return random.Random(_seed(purpose, key))


def seed_dropout(*key: int) -> None:
    """Seeds PyTorch's global generators on every device with a function of ``key``; dropout layers draw from them."""
    torch.manual_seed(_seed(Purpose.DROPOUT, key))


def _seed(purpose: Purpose, key: Sequence[int]) -> int:
    identity = repr((purpose.value, *map(int, key))).encode()
    return int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest(), "little") >> 1


class SampleGenerators(Sequence[Generator]):
    """One generator for each sample of a batch, created on first use.

    The numbers of a sample depend on its key alone, not on the batch, its index there or the number of processes.

    Args:
        purpose: what the numbers are used for.
        keys: one key for each sample.
        device: the generators' device.
    """

    def __init__(self, purpose: Purpose, keys: Sequence[tuple[int, ...]], device: torch.device) -> None:
        self.purpose, self.keys, self.device = purpose, keys, device
        self._generators: dict[int, Generator] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: Any) -> Any:
        if index not in self._generators:
            self._generators[index] = keyed_generator(self.purpose, *self.keys[index], device=self.device)
        return self._generators[index]


Randomness = Generator | Sequence[Generator]
"""One generator for a whole batch, or one for each of its samples."""


def uniform(source: Randomness, count: int, *shape: int) -> Tensor:
    """``[count, *shape]`` float32 in [0, 1), for ``count`` samples, on the generators' device."""
    if isinstance(source, Generator):
        return torch.rand(count, *shape, generator=source, device=source.device, dtype=torch.float32)
    return torch.stack([torch.rand(shape, generator=g, device=g.device, dtype=torch.float32) for g in source])


def normal(source: Randomness, count: int, *shape: int) -> Tensor:
    """``[count, *shape]`` float32 from N(0, 1), for ``count`` samples, on the generators' device."""
    if isinstance(source, Generator):
        return torch.randn(count, *shape, generator=source, device=source.device, dtype=torch.float32)
    return torch.stack([torch.randn(shape, generator=g, device=g.device, dtype=torch.float32) for g in source])


@contextmanager
def seeded(generator: Generator) -> Iterator[None]:
    """Seeds the global CPU generators of Python, NumPy and PyTorch from ``generator`` inside the block.

    For libraries that draw from global generators. The previous states are restored afterwards.
    """
    python, numpy, torch_ = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    seed = int(torch.randint(2**32, (), generator=generator))
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.default_generator.set_state(torch_)
