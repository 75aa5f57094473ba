"""The Chamfer matrix against open3d's point distances and a plain ``torch.cdist``, in one run.

``python -m benchmarks.chamfer [--clouds 16] [--points 256 1024 2048] [--output FILE.json]``
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.report import machine, save
from benchmarks.timing import interleave
from lumina.metrics.points import chamfer_matrix

OURS = "lumina"
TOLERANCE = 1e-5  # cdist expands the square, in float32


def with_cdist(x: Tensor, y: Tensor) -> Tensor:
    """``[N, M]``, a pair of clouds at a time."""
    rows = []
    for a in x:
        squares = torch.stack([torch.cdist(a, b).square() for b in y])
        rows.append(squares.amin(2).mean(1) + squares.amin(1).mean(1))
    return torch.stack(rows)


def with_open3d(x: Tensor, y: Tensor) -> Tensor:
    """``[N, M]``, from ``compute_point_cloud_distance`` both ways."""
    import open3d

    sets = [[open3d.geometry.PointCloud(open3d.utility.Vector3dVector(c.numpy())) for c in clouds] for clouds in (x, y)]

    def squares(a: Any, b: Any) -> float:
        return float(np.square(np.asarray(a.compute_point_cloud_distance(b))).mean())

    return torch.tensor([[squares(a, b) + squares(b, a) for b in sets[1]] for a in sets[0]])


def measure(clouds: int, points: int) -> dict[str, Any]:
    """Milliseconds of a matrix of two sets, and of a set with itself.

    Args:
        clouds: of each set.
        points: of each cloud.

    Raises:
        ValueError: where the matrices differ.
    """
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, clouds, points, 3, generator=generator)
    calls = {
        OURS: lambda: chamfer_matrix(x, y),
        f"{OURS}, a set with itself": lambda: chamfer_matrix(x, x),
        "open3d": lambda: with_open3d(x, y),
        "torch.cdist": lambda: with_cdist(x, y),
    }
    for name in ("open3d", "torch.cdist"):
        error = (calls[name]() - calls[OURS]()).abs().max().item()
        if not error < TOLERANCE * 10:
            raise ValueError(f"{name}'s matrix is {error:.1e} off ours, so it is not timed.")
    samples = interleave(calls, torch.device("cpu"))
    return {
        "clouds": clouds,
        "points": points,
        "ms": {name: float(np.median(times)) for name, times in samples.items()},
    }


def main() -> None:
    """Parses the command line, measures, prints the table and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.chamfer", description="The Chamfer matrix against others.")
    parser.add_argument("--clouds", type=int, default=16, help="of each set (default: 16)")
    parser.add_argument("--points", type=int, nargs="+", default=[256, 1024, 2048], help="of a cloud")
    parser.add_argument("--output", type=Path, help="JSON file")
    options = parser.parse_args()
    described = machine(torch.device("cpu"))
    rows = [measure(options.clouds, points) for points in options.points]
    print("| points | " + " | ".join(rows[0]["ms"]) + " |\n" + "|---" * (1 + len(rows[0]["ms"])) + "|")
    for row in rows:
        print(f"| {row['points']:,} | " + " | ".join(f"{ms:,.0f} ms" for ms in row["ms"].values()) + " |")
    if options.output:
        save({"machine": described, "rows": rows}, options.output)


if __name__ == "__main__":
    main()
