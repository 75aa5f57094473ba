"""The benchmark of rendering, without Blender."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

pytest.importorskip("open3d")

from benchmarks import rendering
from tests.meshes import cube


def test_every_object_is_timed(tmp_path, monkeypatch, capsys):
    for name, height in (("low", 1), ("high", 3)):
        corners = "".join(f"v {x} {y * height} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1))
        (tmp_path / f"{name}.obj").write_text(corners + "f 1 2 4 3\nf 5 6 8 7\nf 1 2 6 5\nf 3 4 8 7\n")
    output = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["rendering", str(tmp_path), f"--output={output}"])
    rendering.main()
    document = json.loads(output.read_text())
    assert [row["name"] for row in document["rows"]] == ["high.obj", "low.obj"]
    assert all(0 < row["view"] < 5 and row["opaque"] for row in document["rows"])
    assert "median view" in capsys.readouterr().out


def test_outlines_are_compared_with_blenders(tmp_path):
    """Half of what both see lies beside the other's."""
    ours = np.zeros((1, 4, 4), bool)
    ours[:, :2] = True
    theirs = np.zeros((1, 4, 4), np.float32)
    theirs[:, 1:3] = 1
    np.save(tmp_path / "0.alpha.npy", theirs)
    np.save(tmp_path / "0.seconds.npy", np.array([1.0, 3.0]))
    rows = [{"view": 0.5, "scene": 0.1, "opaque": True}]
    rendering.with_blender(rows, [ours], tmp_path)
    told = rendering.summary(rows)
    assert told["median_iou_of_opaque"] == pytest.approx(1 / 3)
    assert told["median_speed_up"] == pytest.approx(4)


def test_blender_gets_the_whole_mesh(tmp_path):
    rendering.write_for_blender(cube(), tmp_path / "0.npz")
    with np.load(tmp_path / "0.npz") as given:
        assert given["faces"].shape == (12, 3)
        assert given["uv"].shape == (12, 3, 2)
        assert given["cameras"].shape == (4, 4, 4)
