"""Cells that a spreadsheet would run are written as texts."""

from __future__ import annotations

from lumina.files.csv_cells import plain_cells


def test_cells_that_a_spreadsheet_would_run():
    cells = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+cmd", "-x", "-0.5", "+3e-4", -1.5, 3, "a=b", ""]
    expected = ["'=cmd|' /C calc'!A0", "'@SUM(1)", "'+1+cmd", "'-x", "-0.5", "+3e-4", -1.5, 3, "a=b", ""]
    assert plain_cells(cells) == expected
