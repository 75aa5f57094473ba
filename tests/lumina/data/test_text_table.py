"""A table of each form gains a column and keeps the rest."""

import json

import pyarrow
import pyarrow.parquet
import pytest

from lumina.data.text_table import TextTable

TEXTS = ["a dog, barking", 'say "hi"', "", "two\nlines", "🎵 tab\t"]
NUMBERS = ["007", "1.50", "", "x", "=1"]
NEW = [f"<{text}& all>" for text in TEXTS]


def written(folder, suffix):
    path = folder / f"table{suffix}"
    rows = [{"n": number, "caption": text, "more": [{"a": 1}]} for number, text in zip(NUMBERS, TEXTS, strict=True)]
    if suffix in (".csv", ".tsv"):
        between = "," if suffix == ".csv" else "\t"
        cell = lambda text: '"' + text.replace('"', '""') + '"'  # noqa: E731
        lines = [between.join(map(cell, pair)) for pair in [("n", "caption"), *zip(NUMBERS, TEXTS, strict=True)]]
        path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")
    elif suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows).replace_schema_metadata({"k": "v"}), path)
    elif suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_a_column_is_added_and_then_replaced(tmp_path, suffix):
    table = TextTable(written(tmp_path, suffix))
    assert table.texts("caption") == TEXTS
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    table.write(first, "structured", ["old"] * 5)
    TextTable(first).write(second, "structured", NEW)
    again = TextTable(second)
    assert again.texts("structured") == NEW and again.texts("caption") == TEXTS and again.texts("n") == NUMBERS
    if suffix == ".parquet":
        read = pyarrow.parquet.read_table(second)
        assert read.schema.metadata[b"k"] == b"v" and read.column_names == ["n", "caption", "more", "structured"]
        assert read.column("more").type == pyarrow.parquet.read_table(table.path).column("more").type
    if suffix == ".jsonl":
        assert json.loads(second.read_text().split("\n")[0])["more"] == [{"a": 1}]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{n}{suffix}" for n in ("table", "first", "second")
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "x", r"must end in \.csv"),
        ("a.csv", "caption,n\na\n", r"row 2 of .* has 1 cells, but the header 2"),
        ("a.csv", "", "has no column 'caption'"),
        ("a.jsonl", '{"caption": "a"}\n{', "line 2 of .* is not valid JSON"),
        ("a.jsonl", "[1]\n", r"must hold one object per row, got \[1\]"),
        ("a.json", '{"caption": 1}', "must hold texts, got 1"),
        ("a.jsonl", '{"text": "a"}', "has no column 'caption'; it has: text"),
        ("a.jsonl", '{"caption": "\\ud800"}', "not Unicode"),
        ("a.parquet", "PAR1", "not a complete Parquet file"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        TextTable(tmp_path / name).texts("caption")


def test_a_missing_table_and_missing_values(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no table"):
        TextTable(tmp_path / "a.csv")
    (tmp_path / "a.jsonl").write_text('{"caption": null}\n{"n": 1}\n')
    assert TextTable(tmp_path / "a.jsonl").texts("caption") == ["", ""]
