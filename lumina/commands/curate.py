"""``lumina curate``: the best pictures of a large table, by their scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from lumina.data.sources.listing import files_below
from lumina.errors import importing
from lumina.parser import parse_function
from lumina.survival.atomic import replacing

if TYPE_CHECKING:
    import pyarrow.dataset

FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json"}
RANK = "rank_sum"
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

    What passes all filters is ranked by each of the three scores. The sum of a picture's ranks, 1 being the best and
    equals sharing theirs, is written as the column ``rank_sum`` (replacing one that is there), and the rows go from the
    best to the worst. A row that lacks a value does not pass its filter.

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
    check_output(table, output)
    names = {"width": width, "height": height, "aesthetic": aesthetic, "watermark": watermark, "unsafe": unsafe}
    data = open_table(table)
    check_columns(data.schema, output)
    scored = data.to_table(columns=_present(data.schema, list(names.values()), table))
    scores = {name: _column(scored, column, table) for name, column in names.items()}
    filters = {
        f"smaller than {min_size}x{min_size}": scores["width"] * scores["height"] >= min_size**2,
        f"aesthetic below {min_aesthetic:g}": scores["aesthetic"] >= min_aesthetic,
        f"watermark above {max_watermark:g}": scores["watermark"] <= max_watermark,
        f"unsafe above {max_unsafe:g}": scores["unsafe"] <= max_unsafe,
    }
    print(f"  {len(scored):>12,}  rows in {table}")
    passed = np.ones(len(scored), bool)
    for reason, passes in filters.items():
        print(f"  {-(passed & ~passes).sum():>12,}  {reason}")
        passed &= passes
    left = passed.nonzero()[0]
    sums = rank_sums({name: score[left] for name, score in scores.items()})
    best = np.argsort(sums, kind="stable")[:count]
    print(f"  {len(best) - len(left):>12,}  ranked below the best {len(best):,}")
    rows = data.take(left[best])
    if RANK in rows.column_names:
        print(f"  {'':>12}  {RANK} was there and is computed anew")
        rows = rows.drop_columns(RANK)
    write_table(rows.append_column(RANK, [sums[best]]), output)
    print(f"  {len(best):>12,}  rows in {output}")


def rank_sums(scores: Scores) -> npt.NDArray[np.float64]:
    """``[N]``, low = good: the sum of the ranks by aesthetic, watermark and unsafe scores ``[N]``."""
    signed = (-scores["aesthetic"], scores["watermark"], scores["unsafe"])
    return np.sum([rankdata(score) for score in signed], axis=0)


def open_table(path: Path) -> pyarrow.dataset.Dataset:
    """A table of any of the formats, of which columns and rows can be read by themselves.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is of another form, or damaged.
        ImportError: pyarrow is not installed.
    """
    with importing("pyarrow", "a table"):
        from pyarrow import dataset
    if not path.exists():
        raise FileNotFoundError(f"there is no table at {path}.")
    if not path.is_dir():
        return dataset.dataset(path, format=_format(path))
    files = [str(path / file) for file in files_below(path) if file.lower().endswith(".parquet")]
    if not files:
        raise ValueError(f"there is no .parquet file in {path}.")
    return dataset.dataset(files, format="parquet")


def check_output(table: Path, output: Path) -> None:
    """Refuses an output that is the input, or part of it.

    Raises:
        ValueError: it is, or its ending says no format.
    """
    _format(output)
    source, target = table.resolve(), output.resolve()
    joins = table.is_dir() and _format(output) == "parquet" and source in target.parents
    if target == source or joins:
        raise ValueError(
            f"the output {output} would overwrite or join the input {table}: choose a place outside of it."
        )


def check_columns(schema: pyarrow.Schema, output: Path) -> None:
    """Refuses columns that the output's format cannot hold.

    Raises:
        ValueError: naming them.
    """
    if _format(output) == "parquet":
        return
    unfit = [field.name for field in schema if _unfit(field.type, nested=_format(output) == "json")]
    if unfit:
        raise ValueError(
            f"the columns {', '.join(unfit)} hold bytes or nested values, which {output.suffix} cannot: write .parquet."
        )


def _unfit(kind: pyarrow.DataType, nested: bool) -> bool:
    """Whether JSON, or CSV without ``nested``, cannot hold a type."""
    from pyarrow import types

    inner = [kind.field(place).type for place in range(kind.num_fields)]
    if inner and not nested:
        return True
    binary = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)
    return any(of(kind) for of in binary) or any(_unfit(one, nested) for one in inner)


def write_table(rows: pyarrow.Table, path: Path) -> None:
    """Writes a table in the format that the name's ending says; the file is whole or not there at all."""
    from pyarrow import csv, parquet

    with replacing(path) as new:
        match _format(path):
            case "parquet":
                parquet.write_table(rows, new)
            case "csv":
                csv.write_csv(rows, new)
            case _:
                with new.open("w", encoding="utf-8") as file:
                    # what JSON has no type for (dates, decimals) becomes text
                    file.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows.to_pylist())


def _format(path: Path) -> str:
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path} must end in {', '.join(FORMATS)}.")
    return FORMATS[path.suffix.lower()]


def _present(schema: pyarrow.Schema, names: list[str], table: Path) -> list[str]:
    """The names without doubles, if all are there."""
    for name in names:
        if name not in schema.names:
            raise ValueError(f"{table} has no column {name!r}; it has: {', '.join(schema.names)}.")
    return list(dict.fromkeys(names))


def _column(rows: pyarrow.Table, name: str, table: Path) -> npt.NDArray[np.float64]:
    """Its numbers, NaN where there is none."""
    column: Any = rows.column(name)
    try:
        return column.cast("float64").to_numpy()
    except (ValueError, NotImplementedError) as error:
        raise ValueError(f"the column {name!r} of {table} is not made of numbers: {error}") from error
