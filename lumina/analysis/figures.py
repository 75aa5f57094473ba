"""Helpers for all figures: style, output files, model names."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from lumina.files.csv_cells import plain_cells

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""The colour-blind-safe palette of Okabe and Ito."""

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
}


@contextmanager
def drawn(output: Path, width: float, height: float) -> Iterator[Figure]:
    """A new figure that is saved at the end of the block.

    Args:
        output: path of the PNG.
        width: in inches.
        height: in inches.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output, dpi=140, pil_kwargs={"optimize": True})


def plain_log(axis: Any, subs: tuple[float, ...] = (1, 2, 5)) -> None:
    """Labels a logarithmic axis with plain numbers at ``subs`` of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def write_table(output: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes the numbers of a figure to a CSV beside ``output`` and prints both paths."""
    table = output.with_suffix(".csv")
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(plain_cells(columns))
        writer.writerows(plain_cells(f"{x:.6g}" if isinstance(x, float) else x for x in row) for row in rows)
    print(f"  {output}\n  {table}")


def model_names(sources: Sequence[str], names: Sequence[str] | None) -> list[str]:
    """The name of each model in the figure: the user's name, or the name of its run.

    Raises:
        ValueError: the numbers of names and models differ, or a name is used twice.
    """
    labels = list(names) if names else [_run_name(Path(source)) for source in sources]
    if len(labels) != len(sources) or len(set(labels)) < len(labels):
        raise ValueError(f"{len(sources)} models have the names {', '.join(labels)}; set unique names: --names=[a,b].")
    return labels


def _run_name(source: Path) -> str:
    """The run's name, without its version and the checkpoint's folder and file."""
    parts = [part for part in source.parts if not part.startswith("version_") and part != "checkpoints"]
    parts = parts[:-1] if source.suffix == ".ckpt" else parts
    return parts[-1] if parts else str(source)
