"""Random numbers that depend on what they are for and on where in the run one is, and on nothing else.

Lightning saves no random state, so everything random in training is drawn from a generator keyed on the purpose, the
seed and the place: a run that was killed and resumed then draws what it would have drawn.
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
    """What random numbers are for. Two purposes never share a stream, whatever their keys."""

    ORDER = "order of the samples of an epoch"
    STEPS = "order of the batches of an epoch"
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


def keyed_generator(purpose: Purpose, *key: int, device: torch.device | str = "cpu") -> Generator:
    """A generator whose stream is a function of purpose and key.

    Args:
        purpose: what the numbers are for.
        *key: integers; keys of other lengths are other keys.
        device: where to draw.
    """
    return Generator(device).manual_seed(_seed(purpose, key))


def seed_dropout(*key: int) -> None:
    """Makes what layers draw from PyTorch's global generators, on every device, a function of ``key``."""
    torch.manual_seed(_seed(Purpose.DROPOUT, key))


def _seed(purpose: Purpose, key: Sequence[int]) -> int:
    identity = repr((purpose.value, *map(int, key))).encode()
    return int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest(), "little") >> 1


class SampleGenerators(Sequence[Generator]):
    """A generator for each sample of a batch, made when it is first asked for.

    What a sample draws depends on its own key alone: not on its batch, its place there, or the number of processes.

    Args:
        purpose: what the numbers are for.
        keys: of each sample.
        device: where to draw.
    """

    def __init__(self, purpose: Purpose, keys: Sequence[tuple[int, ...]], device: torch.device) -> None:
        self.purpose, self.keys, self.device = purpose, keys, device
        self._made: dict[int, Generator] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, place: Any) -> Any:
        if place not in self._made:
            self._made[place] = keyed_generator(self.purpose, *self.keys[place], device=self.device)
        return self._made[place]


Randomness = Generator | Sequence[Generator]
"""One generator from which a batch draws together, or one for each of its samples."""


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
    """Lets libraries that draw from Python's, NumPy's and PyTorch's global (CPU) generators draw from ``generator``.

    Afterwards these three are as they were.
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
