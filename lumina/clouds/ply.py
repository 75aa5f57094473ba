"""Point clouds as binary PLY files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

HEADER = """ply
format binary_little_endian 1.0
element vertex {count}
property float x
property float y
property float z
end_header
"""


def write_ply(points: Tensor, path: Path) -> Path:
    """Writes ``points [P, 3]`` as float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = points.detach().float().cpu().numpy().astype("<f4")
    path.write_bytes(HEADER.format(count=len(values)).encode() + values.tobytes())
    return path


def read_ply(path: Path) -> Tensor:
    """``[P, 3]`` float32 of a file that `write_ply` wrote; `lumina.clouds.files` reads those of others.

    Raises:
        ValueError: for a file of another form.
    """
    content = path.read_bytes()
    head, _, body = content.partition(b"end_header\n")
    count = len(body) // 12
    if head + b"end_header\n" != HEADER.format(count=count).encode():
        raise ValueError(f"{path} is no PLY file of {count} float32 points as written here: read it with open3d.")
    return torch.from_numpy(np.frombuffer(body, "<f4", 3 * count).reshape(-1, 3).astype(np.float32))
