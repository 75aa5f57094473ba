"""``lumina curate``: the best pictures of a large table, by their scores."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lumina.config.parser import parse_function
from lumina.data.sources.listing import files_below
from lumina.errors import importing
from lumina.files.atomic import replacing

FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json"}
RANK = "rank_sum"
ROW = "number of the row"  # a column that no table has


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
    columns = {"width": width, "height": height, "aesthetic": aesthetic, "watermark": watermark, "unsafe": unsafe}
    filters = {
        f"smaller than {min_size}x{min_size}": f"width * height >= {min_size**2}",
        f"aesthetic below {min_aesthetic:g}": f"aesthetic >= {min_aesthetic}",
        f"watermark above {max_watermark:g}": f"watermark <= {max_watermark}",
        f"unsafe above {max_unsafe:g}": f"unsafe <= {max_unsafe}",
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


@contextmanager
def database(table: Path) -> Iterator[Any]:
    """An empty database in memory, which goes on in a temporary folder where memory is short.

    Raises:
        ValueError: the database cannot read or write something.
        ImportError: duckdb is not installed.
    """
    with importing("duckdb", "a table"):
        import duckdb
    with TemporaryDirectory() as folder:
        options: dict[str, Any] = {
            "temp_directory": folder,
            "TimeZone": "UTC",
            "autoinstall_known_extensions": False,  # from the network
            "python_enable_replacements": False,  # names in queries are those of tables, never of Python's variables
        }
        with duckdb.connect(config=options) as data:
            try:
                yield data
            except duckdb.Error as error:
                raise ValueError(f"{table} cannot be curated: {str(error).splitlines()[0]}") from error


def open_table(data: Any, path: Path) -> None:
    """Makes the view ``pictures`` of a table of any of the formats, with the number of each row.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is of another form.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no table at {path}.")
    kind = "parquet" if path.is_dir() else _format(path)
    files = [glob.escape(str(file)) for file in parquet_files(path)]
    if kind == "parquet":
        rows = data.read_parquet(files, union_by_name=True, hive_partitioning=False)
    elif kind == "csv":
        rows = _read_csv(data, files)
    else:
        rows = _read_json(data, files)
    rows.project(f"*, row_number() OVER () AS {_name(ROW)}").create_view("pictures")


def _read_csv(data: Any, files: list[str]) -> Any:
    options = {"header": True, "delimiter": ",", "quotechar": '"', "escapechar": '"', "allow_quoted_nulls": False}
    numbers = ["BIGINT", "DOUBLE", "VARCHAR"]  # dates, and yes or no, stay as they are written
    found = data.read_csv(files, sample_size=-1, auto_type_candidates=numbers, **options)
    # with its types, or each query reads the file once more to find them
    return data.read_csv(files, sample_size=1, dtype=_types(found), **options)


def _read_json(data: Any, files: list[str]) -> Any:
    found = data.read_json(files, format="newline_delimited", sample_size=-1)
    types = {name: "VARCHAR" if of == "UUID" else of for name, of in _types(found).items()}
    return data.read_json(files, format="newline_delimited", columns=types)


def _types(rows: Any) -> dict[str, str]:
    return dict(zip(rows.columns, map(str, rows.types), strict=True))


def parquet_files(path: Path) -> list[Path]:
    """The .parquet files of a folder, or the file that ``path`` is.

    Raises:
        ValueError: the folder has none.
    """
    if not path.is_dir():
        return [path]
    files = [path / file for file in files_below(path) if file.lower().endswith(".parquet")]
    if not files:
        raise ValueError(f"there is no .parquet file in {path}.")
    return files


def check_columns(data: Any, output: Path) -> None:
    """Refuses columns that the output's format cannot hold.

    Raises:
        ValueError: naming them.
    """
    kind, pictures = _format(output), data.view("pictures")
    types = zip(pictures.columns, pictures.types, strict=True)
    unfit = [name for name, of in types if kind != "parquet" and _unfit(of, nested=kind == "json")]
    if unfit:
        raise ValueError(
            f"the columns {', '.join(unfit)} hold bytes or nested values, which {output.suffix} cannot: write .parquet."
        )


def _unfit(kind: Any, nested: bool) -> bool:
    """Whether JSON, or CSV without ``nested``, cannot hold a type."""
    if kind.id not in ("list", "array", "struct", "map", "union"):
        return kind.id == "blob"
    return not nested or any(_unfit(of, nested) for _, of in kind.children if not isinstance(of, int))


def score(data: Any, table: Path, columns: Mapping[str, str]) -> None:
    """Makes the table ``scores`` of the numbers in ``columns``, None where there is none.

    Raises:
        ValueError: there is no such column, or it is not made of numbers.
    """
    from duckdb import Error

    pictures = data.view("pictures")
    names = pictures.columns[:-1]
    for column in columns.values():
        if column not in names:
            raise ValueError(f"{table} has no column {column!r}; it has: {', '.join(names)}.")
    casts = {name: f"CAST({_name(column)} AS DOUBLE)" for name, column in columns.items()}
    # isnan, since a comparison with NaN is answered from a Parquet file's statistics, which leave NaN out
    numbers = {name: f"CASE WHEN NOT isnan({number}) THEN {number} END" for name, number in casts.items()}
    try:
        pictures.project(", ".join([_name(ROW), *(f"{of} AS {name}" for name, of in numbers.items())])).create("scores")
    except Error:
        for name, column in columns.items():
            try:
                pictures.aggregate(f"max({numbers[name]})").fetchall()
            except Error as error:
                raise ValueError(f"the column {column!r} of {table} is not made of numbers: {error}") from error
        raise


def show_filters(data: Any, table: Path, filters: Mapping[str, str]) -> int:
    """Prints how many rows each filter leaves out of what the filters before it left; gives how many are left."""
    passing = [" AND ".join([*filters.values()][:number]) for number in range(1, len(filters) + 1)]
    counts = ", ".join(["count(*)", *(f"count(*) FILTER ({those})" for those in passing)])
    [left] = data.table("scores").aggregate(counts).fetchall()
    print(f"  {left[0]:>12,}  rows in {table}")
    for reason, (before, after) in zip(filters, pairwise(left), strict=True):
        print(f"  {after - before:>12,}  {reason}")
    return left[-1]


def rank(data: Any, filters: Mapping[str, str], count: int | None) -> int:
    """Makes the table ``best`` of the ``count`` rows with the least sum of ranks among those that pass the filters."""
    ranks = " + ".join(map(_rank, ("aesthetic DESC", "watermark", "unsafe")))
    passing = data.table("scores").filter(" AND ".join(filters.values()))
    ranked = passing.project(f"{_name(ROW)}, {ranks} AS {RANK}").order(f"{RANK}, {_name(ROW)}")
    (ranked if count is None else ranked.limit(count)).create("best")
    return len(data.table("best"))


def _rank(order: str) -> str:
    """From 1; equals share the mean of theirs."""
    return f"rank() OVER (ORDER BY {order}) + (count(*) OVER (PARTITION BY {order.split()[0]}) - 1) / 2"


def write_best(data: Any, table: Path, output: Path) -> None:
    """Writes the best rows in the format that the output's ending says; it is whole or not there at all."""
    old = [name for name in data.view("pictures").columns if name.lower() == RANK]
    if old:
        print(f"  {'':>12}  {RANK} was there and is computed anew")
    left_out = ", ".join(map(_name, [ROW, *old]))
    rows = f"SELECT pictures.* EXCLUDE ({left_out}), best.{RANK} FROM pictures JOIN best USING ({_name(ROW)})"
    match _format(output):
        case "parquet":
            options = f"FORMAT parquet, KV_METADATA {{{_metadata(data, table)}}}"
        case "csv":
            options = "FORMAT csv, HEADER"
        case _:
            options = "FORMAT json"
    with replacing(output) as new:
        data.execute(f"COPY ({rows} ORDER BY best.{RANK}, {_name(ROW)}) TO {_text(str(new))} ({options})")


def _metadata(data: Any, table: Path) -> str:
    """What a Parquet table says of its columns, such as the names of classes on the Hugging Face hub."""
    if not table.is_dir() and _format(table) != "parquet":
        return ""
    query = "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)"
    told = data.execute(query, [glob.escape(str(parquet_files(table)[0]))]).fetchall()
    return ", ".join(f"{_name(key)}: {_text(value)}" for key, value in told if key != "ARROW:schema")


def _name(column: str) -> str:
    """A name as queries quote it."""
    return '"' + column.replace('"', '""') + '"'


def _text(value: str) -> str:
    """A text as queries quote it."""
    return "'" + value.replace("'", "''") + "'"


def _format(path: Path) -> str:
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path} must end in {', '.join(FORMATS)}.")
    return FORMATS[path.suffix.lower()]
