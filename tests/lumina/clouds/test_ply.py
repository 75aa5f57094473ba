"""PLY files, there and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lumina.clouds.ply import read_ply, write_ply


def test_ply_round_trip_and_foreign_files(tmp_path):
    points = torch.randn(7, 3)
    path = write_ply(points, tmp_path / "new" / "cloud.ply")
    assert torch.equal(read_ply(path), points)
    open3d = pytest.importorskip("open3d")
    torch.testing.assert_close(torch.tensor(np.asarray(open3d.io.read_point_cloud(path).points)).float(), points)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"cloud\.ply is no PLY file"):
        read_ply(path)
