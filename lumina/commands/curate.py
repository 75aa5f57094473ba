"""``lumina curate``: the best pictures of a large table, by their scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from lumina.parser import parse_function

if TYPE_CHECKING:
    import pyarrow

FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json"}
Scores = dict[str, npt.NDArray[np.float64]]


def main(arguments: list[str]) -> None:
    """Parses the options and curates."""
    curate(**parse_function(curate, "lumina curate", arguments))


def curate(
    table: Path,
    output: Path,
    count: int | None = None,
    min_size: int = 512,
    min_aesthetic: float = 5.5,
    max_watermark: float = 0.5,
    max_unsafe: float = 0.5,
    width: str = "width",
    height: str = "height",
    aesthetic: str = "aesthetic",
    watermark: str = "watermark",
    unsafe: str = "unsafe",
) -> None:
    """Filters a table of pictures by their scores and keeps the best of the rest (Lumina-Next, appendix B.3).

    What passes all filters is ranked by each of the three scores; the sum of a picture's ranks, 1 being the best and
    equals sharing theirs, is written as the column ``rank_sum``, and the rows go from the best to the worst. A row
    that lacks a value does not pass its filter.

    Args:
        table: a .parquet, .csv or .jsonl file, or a folder of .parquet files.
        output: the .parquet, .csv or .jsonl file to write.
        count: rows kept; None = all that pass the filters.
        min_size: least area, as the side of a square in pixels.
        min_aesthetic: least aesthetic score.
        max_watermark: highest probability of a watermark.
        max_unsafe: highest probability of unsafe content.
        width: name of the column.
        height: name of the column.
        aesthetic: name of the column.
        watermark: name of the column.
        unsafe: name of the column.
    """
    if count is not None and count < 1:
        raise ValueError(f"count={count}, expected 1 or more.")
    _format(output)
    rows = read_table(table)
    names = {"width": width, "height": height, "aesthetic": aesthetic, "watermark": watermark, "unsafe": unsafe}
    scores = {name: _column(rows, column, table) for name, column in names.items()}
    filters = {
        f"smaller than {min_size}x{min_size}": scores["width"] * scores["height"] >= min_size**2,
        f"aesthetic below {min_aesthetic:g}": scores["aesthetic"] >= min_aesthetic,
        f"watermark above {max_watermark:g}": scores["watermark"] <= max_watermark,
        f"unsafe above {max_unsafe:g}": scores["unsafe"] <= max_unsafe,
    }
    print(f"  {len(rows):>12,}  rows in {table}")
    passed = np.ones(len(rows), bool)
    for reason, passes in filters.items():
        print(f"  {-(passed & ~passes).sum():>12,}  {reason}")
        passed &= passes
    left = passed.nonzero()[0]
    sums = rank_sums({name: score[left] for name, score in scores.items()})
    best = np.argsort(sums, kind="stable")[:count]
    print(f"  {len(best) - len(left):>12,}  ranked below the best {len(best):,}")
    write_table(rows.take(left[best]).append_column("rank_sum", [sums[best]]), output)
    print(f"  {len(best):>12,}  rows in {output}")


def rank_sums(scores: Scores) -> npt.NDArray[np.float64]:
    """``[N]``, low = good: the sum of the ranks by aesthetic, watermark and unsafe scores ``[N]``."""
    signed = (-scores["aesthetic"], scores["watermark"], scores["unsafe"])
    return np.sum([rankdata(score) for score in signed], axis=0)


def read_table(path: Path) -> pyarrow.Table:
    """A table of any of the formats.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is of another form, or damaged.
        ImportError: pyarrow is not installed.
    """
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError('tables need pyarrow: pip install "lumina-nextdit[data]".') from error
    if not path.exists():
        raise FileNotFoundError(f"there is no table at {path}.")
    return dataset.dataset(path, format="parquet" if path.is_dir() else _format(path)).to_table()


def write_table(rows: pyarrow.Table, path: Path) -> None:
    """Writes a table in the format that the name's ending says."""
    from pyarrow import csv, parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    match _format(path):
        case "parquet":
            parquet.write_table(rows, path)
        case "csv":
            csv.write_csv(rows, path)
        case _:
            with path.open("w") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.to_pylist())


def _format(path: Path) -> str:
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path} must end in {', '.join(FORMATS)}.")
    return FORMATS[path.suffix.lower()]


def _column(rows: pyarrow.Table, name: str, table: Path) -> npt.NDArray[np.float64]:
    """Its numbers, NaN where there is none."""
    if name not in rows.column_names:
        raise ValueError(f"{table} has no column {name!r}; it has: {', '.join(rows.column_names)}.")
    column: Any = rows.column(name)
    try:
        return column.cast("float64").to_numpy()
    except (ValueError, NotImplementedError) as error:
        raise ValueError(f"the column {name!r} of {table} is not made of numbers: {error}") from error
