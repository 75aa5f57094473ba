from __future__ import annotations

import os

import pytest

from lumina.reports.curves import read_curves


def _version(runs, number, steps, value, resumed=None):
    folder = runs / f"version_{number}"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints/last.ckpt").touch()
    earlier = None if resumed is None else runs / f"version_{resumed}/checkpoints/last.ckpt"
    (folder / "config.yaml").write_text(f"ckpt_path: {earlier or 'null'}\n")
    rows = "".join(f"{step - 1},{value}\n" for step in steps)
    (folder / "metrics.csv").write_text(f"step,loss\n{rows}")
    return folder


def test_a_resumed_run_is_drawn_whole(tmp_path):
    _version(tmp_path, 0, [10, 20, 30], 1)
    _version(tmp_path, 1, [10, 20], 5)  # another run
    _version(tmp_path, 2, [20, 30], 2, resumed=0)
    newest = _version(tmp_path, 3, [30, 40], 3, resumed=2)
    whole = {"loss": {10: 1, 20: 2, 30: 3, 40: 3}}
    assert read_curves(newest) == whole == read_curves(tmp_path)
    assert read_curves(tmp_path / "version_1") == {"loss": {10: 5, 20: 5}}


def test_a_validation_made_up_for_at_the_resume_hides_no_other_curve(tmp_path):
    _version(tmp_path, 0, [10, 20], 1)
    resumed = _version(tmp_path, 1, [20, 30], 2, resumed=0)
    (resumed / "metrics.csv").write_text("step,loss,score\n19,,7\n29,2,\n")
    assert read_curves(resumed) == {"loss": {10: 1, 20: 1, 30: 2}, "score": {20: 7}}


def test_what_is_missing_is_told(tmp_path):
    run = _version(tmp_path, 0, [10], 1)
    (run / "config.yaml").write_text("ckpt_path: gone/last.ckpt\n")
    with pytest.warns(UserWarning, match="goes on from gone/last.ckpt, which is not there"):
        assert read_curves(run) == {"loss": {10: 1}}
    (run / "metrics.csv").unlink()
    (run / "config.yaml").write_text("ckpt_path: null\n")
    with pytest.raises(FileNotFoundError, match="log with a CSVLogger as well"):
        read_curves(run)


def test_the_version_without_metrics_is_named(tmp_path):
    for number in (0, 1):
        (tmp_path / f"version_{number}").mkdir()
        (tmp_path / f"version_{number}/config.yaml").write_text("{}")
        os.utime(tmp_path / f"version_{number}/config.yaml", (number, number))
    (tmp_path / "version_0/metrics.csv").write_text("step,train/loss\n0,1.0\n")
    with pytest.raises(FileNotFoundError, match=r"version_1: .*log_every_n_steps"):
        read_curves(tmp_path)
