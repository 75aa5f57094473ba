"""Clouds in PyTorch's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lumina.errors import CorruptSample
from lumina.files.regular import require_regular
from lumina.files.zip_file import check_archive


def read_tensor(path: Path) -> npt.NDArray[np.float64]:
    """``[P, 3]`` coordinates of a ``.pt`` file with a tensor ``[P, C]`` or ``[C, P]``, coordinates first among C.

    Raises:
        CorruptSample: the file cannot be read.
    """
    try:
        require_regular(path)
        check_archive(path)
        values = torch.load(path, map_location="cpu", weights_only=True)
        if values.nbytes > path.stat().st_size:
            raise ValueError(f"its tensor of shape {list(values.shape)} is larger than the file")
        values = values.double()
    except Exception as error:  # damaged pickles and archives fail in many ways
        raise CorruptSample(path, f"{type(error).__name__}: {error}") from error
    if values.ndim != 2 or min(values.shape) < 3:
        raise CorruptSample(path, f"it holds a tensor of shape {list(values.shape)}, expected [P, 6] or [6, P]")
    points: npt.NDArray[np.float64] = (values.T if values.shape[0] < values.shape[1] else values)[:, :3].numpy()
    return points
