"""Figure 6(a) against the formulas."""

import csv
import math

import pytest
import torch

from lumina.analysis.wavelengths import analyze, wavelengths

PAPER = {"base": 5.0, "length": 16, "scale": 2.0, "head_dim": 24}
U = torch.arange(4, dtype=torch.float64) / 4  # 6 d / D_head


def test_the_rules_at_the_papers_setting():
    turn = 2 * math.pi
    plain = turn * 5**U
    target = math.log(16 / turn, 5)
    expected = {
        "none": plain,
        "interpolation": 2 * plain,
        "ntk": turn * 10**U,
        "frequency_aware": torch.minimum(turn * (5 * 2 ** (1 / target)) ** U, 2 * plain),
    }
    for rule, wave in expected.items():
        torch.testing.assert_close(wavelengths(rule, 8, **PAPER), wave, rtol=1e-12, atol=0)


def test_time_aware_runs_from_interpolation_to_ntk():
    at = {t: wavelengths("time_aware", 8, t=t, **PAPER) for t in (0.0, 0.5, 1.0)}
    torch.testing.assert_close(at[0.0][1:], wavelengths("interpolation", 8, **PAPER)[1:])
    torch.testing.assert_close(at[1.0], wavelengths("ntk", 8, **PAPER))
    u_half = (23 * 0.5 + 1) / 24
    torch.testing.assert_close(
        at[0.5][1], torch.tensor(2 * math.pi * (5 * 2 ** (1 / u_half)) ** 0.25, dtype=torch.float64)
    )


def test_frequency_aware_interpolates_where_the_wavelength_is_the_trained_length():
    base = (16 / (2 * math.pi)) ** 2  # puts the trained length on u = 1/2
    options = {**PAPER, "base": base}
    assert wavelengths("none", 8, **options)[2].item() == pytest.approx(16)
    assert wavelengths("frequency_aware", 8, **options)[2].item() == pytest.approx(32)


def test_the_command_writes_table_and_picture(run_in, tmp_path, is_figure):
    run_in("analyze", "wavelengths", "--scale", 4, "--times=[0.5]", "--output", "out/waves.png")
    assert is_figure(tmp_path / "out/waves.png")
    rows = list(csv.DictReader((tmp_path / "out/waves.csv").open()))
    assert len(rows) == 5 * 4
    interpolation = [float(row["wavelength"]) for row in rows if row["rule"] == "interpolation"]
    assert interpolation == pytest.approx((2 * math.pi * 4 * 5**U).tolist(), rel=1e-5)
    assert all(float(row["wavelength"]) * float(row["theta"]) == pytest.approx(2 * math.pi, rel=1e-5) for row in rows)


def test_a_head_that_the_axes_cannot_share():
    with pytest.raises(ValueError, match="head_dim=20 must be divisible by 6"):
        analyze(head_dim=20)
