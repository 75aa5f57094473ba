"""``lumina report``: plots a metric of several runs over their steps."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from lumina.config.parser import parse_function
from lumina.files.csv_cells import plain_cells
from lumina.reports.curves import read_curves

LOGARITHMIC = 5
"""Ratio of largest to smallest value above which the axis is logarithmic; below it there would be hardly any ticks."""

Curve = list[tuple[int, float]]


def main(arguments: list[str]) -> None:
    """Parses the options and draws."""
    report(**parse_function(report, "lumina report", arguments))


def report(runs: list[Path], metric: str = "validation/frechet", output: Path = Path("report.png")) -> None:
    """Plots one metric of several runs over their steps, and writes the numbers to a CSV.

    It reads logs of CSVLogger, TensorBoardLogger and offline WandbLogger. A resumed run is plotted from its first step.

    Args:
        runs: folders of runs; the newest version in a folder with several is used.
        metric: name of the logged metric.
        output: the PNG; a CSV of the same name is written beside it.
    """
    curves = {_name(run): read_curve(run, metric) for run in runs}
    if len(curves) < len(runs):
        raise ValueError(f"two of the runs have one name: {', '.join(map(_name, runs))}; give each once.")
    draw_curves(curves, metric, output)
    table = output.with_suffix(".csv")
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(plain_cells(["run", "step", metric]))
        writer.writerows(plain_cells([name, step, value]) for name, curve in curves.items() for step, value in curve)
    width = max(map(len, curves))
    for name, curve in curves.items():
        print(f"  {name:<{width}}  {metric} {curve[-1][1]:.4g} at step {curve[-1][0]}")
    print(f"\n  {output}\n  {table}")


def read_curve(run: Path, metric: str) -> Curve:
    """Steps and values of a metric.

    Raises:
        FileNotFoundError: the run has no metrics.
        ValueError: the run has no such metric; lists its metrics.
    """
    curves = read_curves(run)
    if metric not in curves:
        raise ValueError(f"{run} has no metric {metric!r}; it has: {', '.join(sorted(curves))}.")
    return sorted(curves[metric].items())


def draw_curves(curves: Mapping[str, Sequence[tuple[int, float]]], metric: str, output: Path) -> None:
    """Plots one line per run, on a logarithmic axis if the values are positive and far apart."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), marker="o", label=name)
    axes.set(xlabel="optimizer steps", ylabel=metric)
    values = [value for curve in curves.values() for _, value in curve]
    if min(values) > 0 and max(values) > LOGARITHMIC * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5), numticks=10))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=150)


def _name(run: Path) -> str:
    return f"{run.parent.name}/{run.name}" if run.name.startswith("version_") else run.name
