"""The benchmark of Griffin-Lim: all ways are measured, and the order of their errors."""

from __future__ import annotations

import json
import sys

import pytest
from real_sounds import SOUNDS

from benchmarks import griffin_lim


def test_ours_is_nearest(tmp_path, monkeypatch, capsys):
    pytest.importorskip("librosa")
    output = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["griffin_lim", str(SOUNDS), "--seconds=1", "--every=5", f"--output={output}"])
    griffin_lim.main()
    rows = json.loads(output.read_text())["rows"]
    assert rows.keys() == griffin_lim.INVERSES.keys()
    error = {name: row["error_log10"] for name, row in rows.items()}
    assert error[griffin_lim.OURS] < min(error["librosa, 32"], error["clipped pseudo-inverse, 32"], 0.05)
    assert error["random phases"] > 0.2
    assert griffin_lim.OURS in capsys.readouterr().out
