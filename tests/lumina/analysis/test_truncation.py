"""Figure 4 on velocity fields whose paths are known."""

import csv
import math

import pytest
import torch

from lumina.analysis.truncation import local_errors


def grid(steps):
    return torch.linspace(0, 1, steps + 1, dtype=torch.float64)


def test_straight_paths_have_neither_error_nor_curvature():
    noise = torch.randn(3, 4, 2, dtype=torch.float64)
    direction = torch.randn_like(noise)
    found = local_errors(lambda x, t: direction, noise, grid(10), substeps=5)
    assert found.truncation.shape == (10,) and found.curvature.shape == (9,)
    assert found.truncation.max() < 1e-14 and found.curvature.max() < 1e-14


def test_exponential_growth():
    """dx/dt = a x: every step multiplies by a known number."""
    rate, steps, fine = 1.7, 8, 16
    noise = torch.randn(2, 3, 1, dtype=torch.float64)
    found = local_errors(lambda x, t: rate * x, noise, grid(steps), substeps=fine)
    factor = (1 + rate / steps / fine) ** fine
    sizes = noise.flatten(1).norm(dim=1).mean() * factor ** torch.arange(steps + 1, dtype=torch.float64)
    torch.testing.assert_close(found.truncation, sizes[:-1] * (factor - 1 - rate / steps))
    torch.testing.assert_close(found.curvature, sizes[1:-1] * ((factor + 1 / factor) / 2 - 1))


def test_gaussian_data_in_the_limit_of_fine_steps():
    """Flow matching to N(0, s^2) carries x0 to x0 sqrt((1 - t)^2 + s^2 t^2); the estimate errs by one over substeps."""
    s, times, noise = 0.3, grid(12), torch.ones(1, 1, 1, dtype=torch.float64)

    def spread(t):
        return ((1 - t) ** 2 + s**2 * t**2).sqrt()

    def velocity(x, t):
        return x * (s**2 * t - (1 - t)) / spread(t) ** 2

    exact = spread(times)
    euler = exact[:-1] * (1 + (s**2 * times[:-1] - (1 - times[:-1])) / exact[:-1] ** 2 / 12)
    bend = (exact[1:-1] - (exact[2:] + exact[:-2]) / 2).abs()
    off = []
    for fine in (20, 40):
        found = local_errors(velocity, noise, times, fine)
        off.append(((found.truncation - (exact[1:] - euler).abs()).abs().max(), (found.curvature - bend).abs().max()))
    assert off[1][0] < 1e-3 and off[1][1] < 1e-3
    assert all(1.8 < (coarse / fine).item() < 2.2 for coarse, fine in zip(*off, strict=True))


def test_the_truth_needs_substeps():
    with pytest.raises(ValueError, match="got 4 steps of 1 substeps, expected at least 2 steps of 2 substeps"):
        local_errors(lambda x, t: x, torch.zeros(1, 1, 1), grid(4), substeps=1)


def test_the_command(run_in, tmp_path, tiny_run, is_figure):
    options = ["--steps=4", "--substeps=2", "--count=3", "--batch_size=2", "--schedule_steps=5", "--output", "t.png"]
    run_in("analyze", "truncation", "--weights", tiny_run, *options)
    assert is_figure(tmp_path / "t.png")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    values = {}
    for row in rows:
        values.setdefault(row["quantity"], []).append((float(row["t"]), float(row["value"])))
    assert [t for t, _ in values["truncation_error"]] == [0, 0.25, 0.5, 0.75]
    assert [t for t, _ in values["curvature"]] == [0.25, 0.5, 0.75]
    for name in ("uniform", "rational", "sigmoid"):
        assert len(values[f"step_of_{name}"]) == 5
        assert math.isclose(sum(step for _, step in values[f"step_of_{name}"]), 1, rel_tol=1e-4)
