import datetime
import json
from csv import DictReader

import pytest

pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from pyarrow import csv, parquet  # noqa: E402

from lumina.curation.table import ROW, check_columns, database, format_of, open_table, quoted, write  # noqa: E402

TEXTS = {
    "code": ["007", "8", "x"],
    "says": ['a "b", c\nd', "it's", "яблоко"],
    "nothing": ["", None, ""],
    "id": [f"123e4567-e89b-12d3-a456-42661417400{number}" for number in range(3)],
    "sure": ["yes", "true", "no"],
}


def store(columns, path, metadata=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = pyarrow.table(columns).replace_schema_metadata(metadata)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows.to_pylist()))
    else:
        {".csv": csv.write_csv, ".parquet": parquet.write_table}[path.suffix](rows, path)
    return path


def copied(source, output):
    with database(source) as data:
        open_table(data, source)
        check_columns(data, output)
        write(data, f"SELECT * EXCLUDE ({ROW}) FROM pictures ORDER BY {ROW}", source, output)
    if output.suffix == ".parquet":
        return parquet.read_table(output).to_pylist()
    if output.suffix == ".jsonl":
        return [json.loads(line) for line in output.read_text().splitlines()]
    with output.open(newline="", encoding="utf-8") as file:
        return list(DictReader(file))


@pytest.mark.parametrize("source", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize("target", [".parquet", ".csv", ".jsonl"])
def test_rows_go_from_any_format_to_any(tmp_path, source, target):
    columns = {**TEXTS, "number": [3, 1, 2], "share": [0.5, None, 1e-9]}
    rows = copied(store(columns, tmp_path / f"in{source}"), tmp_path / f"out{target}")
    assert list(rows[0]) == list(columns)
    for name, values in columns.items():
        found = [row[name] for row in rows]
        assert found == ([("" if value is None else str(value)) for value in values] if target == ".csv" else values)


def test_types_are_found_by_all_rows(tmp_path):
    columns = {"code": [str(number) for number in range(30_000)] + ["x"], "share": ["1"] * 30_000 + ["0.5"]}
    rows = copied(store(columns, tmp_path / "in.csv"), tmp_path / "out.parquet")
    assert (rows[7]["code"], rows[-1]["code"], rows[-1]["share"]) == ("7", "x", 0.5)


def test_nested_values_dates_and_bytes(tmp_path):
    when = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
    columns = {"when": [when], "nested": [{"a": [1, 2]}], "raw": [b"x"], "image": [{"bytes": b"x", "path": "a"}]}
    for name, values in columns.items():
        source = store({name: values}, tmp_path / f"{name}.parquet")
        assert copied(source, tmp_path / "out.parquet") == [{name: values[0]}]
        for suffix in {"when": [], "nested": [".csv"]}.get(name, [".csv", ".jsonl"]):
            with pytest.raises(ValueError, match=f"the columns {name} hold bytes or nested values, which {suffix}"):
                copied(source, tmp_path / f"refused{suffix}")
            assert not (tmp_path / f"refused{suffix}").exists()
    assert copied(tmp_path / "when.parquet", tmp_path / "o.jsonl") == [{"when": "2024-01-02 00:00:00+00"}]
    assert copied(tmp_path / "nested.parquet", tmp_path / "o.jsonl") == [{"nested": {"a": [1, 2]}}]


def test_nothing_in_names_is_a_pattern_or_part_of_a_query(tmp_path):
    hub, names = tmp_path / "it's [1]*" / "a=1", ["filename", "file_row_number", 'say "when"', "number; DROP"]
    store({"n": [1, 2]}, hub / "train[1].parquet")
    store({"n": [3], **{name: [name] for name in names}}, hub / "train[2].parquet")
    assert copied(hub.parent, tmp_path / "it's out.parquet") == [
        *({"n": n, **dict.fromkeys(names)} for n in (1, 2)),
        {"n": 3, **{name: name for name in names}},
    ]
    assert quoted('say "when"') == '"say ""when"""'


def test_what_the_hub_says_of_the_columns_is_kept(tmp_path):
    told = json.dumps({"info": {"features": {"label": {"names": ["cat's", "dog"]}}}})
    file = store({"label": [1]}, tmp_path / "hub/in.parquet", {"huggingface": told})
    for source in (file, file.parent):
        copied(source, tmp_path / "out.parquet")
        assert parquet.read_schema(tmp_path / "out.parquet").metadata[b"huggingface"].decode() == told


def test_what_is_no_table_is_one_sentence(tmp_path):
    (tmp_path / "in.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(ValueError, match=r"in.parquet cannot be curated: [^\n]*$"):
        copied(tmp_path / "in.parquet", tmp_path / "out.parquet")
    with pytest.raises(FileNotFoundError, match="no table at"):
        copied(tmp_path / "absent.csv", tmp_path / "out.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no \.parquet file in"):
        copied(tmp_path / "empty", tmp_path / "out.parquet")
    with pytest.raises(ValueError, match=r"must end in \.parquet, \.csv, \.jsonl"):
        format_of(tmp_path / "out.txt")
    assert not (tmp_path / "out.parquet").exists()
