"""Random numbers that depend on where in the run one is, and on nothing else.

Lightning saves no random state, so everything random in training is drawn from a generator keyed on (seed, step,
rank): a run that was killed and resumed then draws what it would have drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def keyed_generator(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator whose stream is a function of ``key`` (non-negative integers), well mixed."""
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
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
