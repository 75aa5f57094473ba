"""Tables of pictures in files of several formats, as a database that need not hold them in memory."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lumina.data.sources.listing import files_below
from lumina.errors import importing
from lumina.files.atomic import replacing

FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json"}
ROW = '"number of the row"'  # a column that no table has


def format_of(path: Path) -> str:
    """The format that a file's ending says.

    Raises:
        ValueError: it says none.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path} must end in {', '.join(FORMATS)}.")
    return FORMATS[path.suffix.lower()]


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
                raise ValueError(f"{table} cannot be curated: {first_paragraph(error)}") from error


def open_table(data: Any, path: Path) -> None:
    """Makes the view ``pictures`` of a table of any of the formats, with the number of each row.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is of another form.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no table at {path}.")
    kind = "parquet" if path.is_dir() else format_of(path)
    files = [glob.escape(str(file)) for file in parquet_files(path)]
    if kind == "parquet":
        rows = data.read_parquet(files, union_by_name=True, hive_partitioning=False)
    elif kind == "csv":
        rows = _read_csv(data, files)
    else:
        rows = _read_json(data, files)
    rows.project(f"*, row_number() OVER () AS {ROW}").create_view("pictures")


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
    kind, pictures = format_of(output), data.view("pictures")
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


def write(data: Any, query: str, table: Path, output: Path) -> None:
    """Writes the rows of a query in the format that the output's ending says; it is whole or not there at all.

    Args:
        data: the database.
        query: its result is written.
        table: where the pictures come from; what a Parquet file says of its columns is kept.
        output: the file.
    """
    match format_of(output):
        case "parquet":
            options = f"FORMAT parquet, KV_METADATA {{{_metadata(data, table)}}}"
        case "csv":
            options = "FORMAT csv, HEADER"
        case _:
            options = "FORMAT json"
    with replacing(output) as new:
        data.execute(f"COPY ({query}) TO {_text(str(new))} ({options})")


def _metadata(data: Any, table: Path) -> str:
    """What a Parquet table says of its columns, such as the names of classes on the Hugging Face hub."""
    if not table.is_dir() and format_of(table) != "parquet":
        return ""
    query = "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)"
    pairs = data.execute(query, [glob.escape(str(parquet_files(table)[0]))]).fetchall()
    return ", ".join(f"{quoted(key)}: {_text(value)}" for key, value in pairs if key != "ARROW:schema")


def quoted(column: str) -> str:
    """A name as queries quote it."""
    return '"' + column.replace('"', '""') + '"'


def _text(value: str) -> str:
    """A text as queries quote it."""
    return "'" + value.replace("'", "''") + "'"


def first_paragraph(error: Exception) -> str:
    """What an error of the database says, without its advice and the query."""
    return "; ".join(str(error).split("\n\n")[0].splitlines()[:3])
