"""Random numbers that depend on where in the run one is, and on nothing else.

Lightning saves no random state, so everything random in training is drawn from a generator keyed on (seed, step,
rank): a run that was killed and resumed then draws what it would have drawn.
"""

from __future__ import annotations

import numpy as np
import torch


def keyed_generator(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator whose stream is a function of ``key`` (non-negative integers), well mixed."""
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator(device).manual_seed(seed)
