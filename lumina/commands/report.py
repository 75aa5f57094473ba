"""``lumina report``: metrics of several runs over their steps."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from lumina.parser import parse_function

Curve = list[tuple[int, float]]


def main(arguments: list[str]) -> None:
    """Parses the options and draws."""
    report(**parse_function(report, "lumina report", arguments))


def report(runs: list[Path], metric: str = "validation/frechet", output: Path = Path("report.png")) -> None:
    """Draws one metric of several runs over their steps, and writes the numbers beside the picture.

    Args:
        runs: folders of runs; of a folder with several versions the newest is taken.
        metric: column of the runs' ``metrics.csv``.
        output: the PNG; a CSV of the same name is written beside it.
    """
    curves = {_name(run): read_curve(run, metric) for run in runs}
    if len(curves) < len(runs):
        raise ValueError(f"two of the runs have one name: {', '.join(map(_name, runs))}; give each once.")
    draw_curves(curves, metric, output)
    table = output.with_suffix(".csv")
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "step", metric])
        writer.writerows((name, step, value) for name, curve in curves.items() for step, value in curve)
    width = max(map(len, curves))
    for name, curve in curves.items():
        print(f"  {name:<{width}}  {metric} {curve[-1][1]:.4g} at step {curve[-1][0]}")
    print(f"\n  {output}\n  {table}")


def read_curve(run: Path, metric: str) -> Curve:
    """Steps and values of a metric, from the newest ``metrics.csv`` under ``run``.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it has no such column, naming those that it has.
    """
    tables = sorted(run.rglob("metrics.csv"), key=lambda path: path.stat().st_mtime)
    if not tables:
        raise FileNotFoundError(f"no metrics.csv under {run}; runs with a CSVLogger write one.")
    with tables[-1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    if metric not in (rows[0] if rows else {}):
        raise ValueError(f"{tables[-1]} has no column {metric!r}; it has: {', '.join(rows[0]) if rows else 'no rows'}.")
    return [(int(row["step"]) + 1, float(row[metric])) for row in rows if row[metric]]


def draw_curves(curves: Mapping[str, Sequence[tuple[int, float]]], metric: str, output: Path) -> None:
    """One line a run, on a logarithmic axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), marker="o", label=name)
    axes.set(xlabel="optimizer steps", ylabel=metric, yscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=150)


def _name(run: Path) -> str:
    return f"{run.parent.name}/{run.name}" if run.name.startswith("version_") else run.name
