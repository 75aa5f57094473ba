"""The benchmarks of point clouds at toy size: they run, and their tables say what was measured."""

import json
import re

import pytest
import torch

from benchmarks import chamfer, densities

pytest.importorskip("trimesh")


def test_competitors_compute_the_same_matrix():
    pytest.importorskip("open3d")
    x, y = torch.randn(2, 30, 3), torch.randn(3, 40, 3)
    ours = chamfer.chamfer_matrix(x, y)
    for other in (chamfer.with_open3d(x, y), chamfer.with_cdist(x, y)):
        torch.testing.assert_close(other.double(), ours, atol=1e-5, rtol=1e-4)


def test_densities_of_a_tiny_model(tiny_points, monkeypatch, capsys):
    monkeypatch.chdir(tiny_points)
    options = [
        "--points",
        "256",
        "300",
        "--clouds",
        "3",
        "--steps",
        "1",
        "--pictures",
        ".",
        "--output",
        "densities.json",
    ]
    monkeypatch.setattr("sys.argv", ["densities", "--ckpt_path", "runs/furniture", *options])
    densities.main()
    rows = json.loads((tiny_points / "densities.json").read_text())["rows"]
    assert [row["points"] for row in rows] == [256, 300]
    assert rows[0]["plain"]["mmd_x1000"] == rows[0]["time_aware"]["mmd_x1000"]  # no scaling at the trained density
    assert rows[1]["plain"]["mmd_x1000"] != rows[1]["time_aware"]["mmd_x1000"]
    assert re.search(r"\| 300 \| [\d.]+ / \d+ / \d+ ", capsys.readouterr().out)
    assert (tiny_points / "densities_plain.png").stat().st_size
