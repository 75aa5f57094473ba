"""``lumina curate``: selects the best pictures of a large table by their scores."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from lumina.config.parser import parse_function
from lumina.curation.table import ROW, check_columns, database, first_paragraph, format_of, open_table, quoted, write

RANK = "rank_sum"


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
    """Filters a table of pictures by their scores and selects the best of the rest (Lumina-Next, appendix B.3).

    Rows that pass all filters are ranked by each of the three scores; 1 is best, and ties share their mean rank. The
    sum of the ranks is written to the column ``rank_sum`` (replacing an existing one), and rows are sorted by it. A row
    without a value does not pass the filter on it.

    Args:
        table: a .parquet, .csv or .jsonl file, or a folder of .parquet files.
        output: the .parquet, .csv or .jsonl file to write.
        count: number of rows to keep; None = all that pass the filters.
        min_size: smallest area, given as the side of a square in pixels.
        min_aesthetic: lowest aesthetic score.
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
    columns = {"width": width, "height": height, "aesthetic": aesthetic, "watermark": watermark, "unsafe": unsafe}
    filters = {
        f"smaller than {min_size}x{min_size}": f"width * height >= {min_size**2}",
        f"aesthetic below {min_aesthetic:g}": f"aesthetic >= {_number(min_aesthetic)}",
        f"watermark above {max_watermark:g}": f"watermark <= {_number(max_watermark)}",
        f"unsafe above {max_unsafe:g}": f"unsafe <= {_number(max_unsafe)}",
    }
    with database(table) as data:
        open_table(data, table)
        check_columns(data, output)
        score(data, table, columns)
        left = show_filters(data, table, filters)
        kept = rank(data, filters, count)
        print(f"  {kept - left:>12,}  ranked below the best {kept:,}")
        write_best(data, table, output)
        print(f"  {kept:>12,}  rows in {output}")


def check_output(table: Path, output: Path) -> None:
    """Refuses an output that is the input or a part of it.

    Raises:
        ValueError: it is, or its suffix is not a known format.
    """
    format_of(output)
    source, target = table.resolve(), output.resolve()
    joins = table.is_dir() and format_of(output) == "parquet" and source in target.parents
    if target == source or joins:
        raise ValueError(
            f"the output {output} would overwrite or join the input {table}: choose a place outside of it."
        )


def score(data: Any, table: Path, columns: Mapping[str, str]) -> None:
    """Creates the table ``scores`` from the numbers in ``columns``; missing values and NaN become NULL.

    Raises:
        ValueError: a column does not exist, or is not numeric.
    """
    from duckdb import Error

    pictures = data.view("pictures")
    names = pictures.columns[:-1]
    for column in columns.values():
        if column not in names:
            raise ValueError(f"{table} has no column {column!r}; it has: {', '.join(names)}.")
    casts = {name: f"CAST({quoted(column)} AS DOUBLE)" for name, column in columns.items()}
    # isnan, since a comparison with NaN is answered from a Parquet file's statistics, which leave NaN out
    numbers = {name: f"CASE WHEN NOT isnan({number}) THEN {number} END" for name, number in casts.items()}
    try:
        pictures.project(", ".join([ROW, *(f"{of} AS {name}" for name, of in numbers.items())])).create("scores")
    except Error:
        for name, column in columns.items():
            try:
                pictures.aggregate(f"max({numbers[name]})").fetchall()
            except Error as error:
                raise ValueError(
                    f"the column {column!r} of {table} is not made of numbers: {first_paragraph(error)}"
                ) from error
        raise


def show_filters(data: Any, table: Path, filters: Mapping[str, str]) -> int:
    """Prints how many rows each filter removes after the previous ones; returns the number of remaining rows."""
    passing = [" AND ".join([*filters.values()][:number]) for number in range(1, len(filters) + 1)]
    counts = ", ".join(["count(*)", *(f"count(*) FILTER ({those})" for those in passing)])
    [left] = data.table("scores").aggregate(counts).fetchall()
    print(f"  {left[0]:>12,}  rows in {table}")
    for reason, (before, after) in zip(filters, pairwise(left), strict=True):
        print(f"  {after - before:>12,}  {reason}")
    return left[-1]


def rank(data: Any, filters: Mapping[str, str], count: int | None) -> int:
    """Creates the table ``best`` with the ``count`` rows of the lowest rank sum among those that pass the filters."""
    ranks = " + ".join(map(_rank, ("aesthetic DESC", "watermark", "unsafe")))
    passing = data.table("scores").filter(" AND ".join(filters.values()))
    ranked = passing.project(f"{ROW}, {ranks} AS {RANK}").order(f"{RANK}, {ROW}")
    (ranked if count is None else ranked.limit(count)).create("best")
    return len(data.table("best"))


def _rank(order: str) -> str:
    """SQL for ranks from 1; ties share their mean rank."""
    return f"rank() OVER (ORDER BY {order}) + (count(*) OVER (PARTITION BY {order.split()[0]}) - 1) / 2"


def write_best(data: Any, table: Path, output: Path) -> None:
    """Writes the best rows, with the sums of their ranks."""
    old = [name for name in data.view("pictures").columns if name.lower() == RANK]
    if old:
        print(f"  {'':>12}  {RANK} was there and is computed anew")
    left_out = ", ".join([ROW, *map(quoted, old)])
    rows = f"SELECT pictures.* EXCLUDE ({left_out}), best.{RANK} FROM pictures JOIN best USING ({ROW})"
    write(data, f"{rows} ORDER BY best.{RANK}, {ROW}", table, output)


def _number(value: float) -> str:
    """A number as SQL, including infinity."""
    return f"CAST('{value}' AS DOUBLE)"
