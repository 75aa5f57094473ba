"""Random numbers that depend on what they are for and on where in the run one is, and on nothing else.

Lightning saves no random state, so everything random in training is drawn from a generator keyed on the purpose, the
seed and the place: a run that was killed and resumed then draws what it would have drawn.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum, unique

import numpy as np
import torch


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
    BASELINE = "samples without a model, to compare with"
    RESAMPLING = "sets drawn for a confidence interval"


def keyed_generator(purpose: Purpose, *key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator whose stream is a function of purpose and key.

    Args:
        purpose: what the numbers are for.
        *key: integers; keys of other lengths are other keys.
        device: where to draw.
    """
    identity = repr((purpose.value, *map(int, key))).encode()
    seed = int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest(), "little") >> 1
    return torch.Generator(device).manual_seed(seed)


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
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
