"""Parquet files: every way of holding media, classes by name, and what is no table."""

from __future__ import annotations

import json

import pytest

from lumina.data.sources import Wanted, open_sources
from lumina.errors import CorruptSample

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

MEDIA = [b"one", b"two", b"three"]
COLUMNS = {
    "bytes": MEDIA,
    "structs": [{"bytes": data, "path": None} for data in MEDIA],
    "struct_paths": [{"bytes": None, "path": f"{n}.png"} for n in range(3)],
    "paths": [f"{n}.png" for n in range(3)],
}


def table(path, media, **columns):
    parquet.write_table(pyarrow.table({"image": media, **columns}), path, row_group_size=2)
    return path


def opened(path, **wanted):
    return open_sources([path], Wanted(suffixes=(".png",), media=("image",), **wanted))


@pytest.mark.parametrize("form", COLUMNS)
def test_media_in_every_form(tmp_path, form):
    for number, data in enumerate(MEDIA):
        (tmp_path / f"{number}.png").write_bytes(data)
    source = opened(table(tmp_path / "a.parquet", COLUMNS[form], text=["a", "b", "c"]))
    for index in (2, 0, 1):  # over the edge of a row group, in any order
        with source.open(index) as file:
            assert file.read() == MEDIA[index]
        assert source.fields(index) == {"text": "abc"[index]} and source.name(index) == f"a.parquet:{index}"


def test_numbers_of_classes_go_by_their_names(tmp_path):
    features = {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    written = pyarrow.table({"image": MEDIA, "label": [1, 0, 1]})
    written = written.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(written, tmp_path / "a.parquet")
    source = opened(tmp_path / "a.parquet", usual=("label",))
    assert [source.fields(n)["label"] for n in range(3)] == ["dog", "cat", "dog"]


def test_what_is_no_table_is_told(tmp_path):
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"b\.parquet is not a complete Parquet file"):
        opened(tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet has no rows; remove it"):
        opened(
            table(tmp_path / "a.parquet", pyarrow.array([], pyarrow.binary()), text=pyarrow.array([], pyarrow.string()))
        )
    with pytest.raises(ValueError, match=r"c\.parquet lacks the columns caption or .*; it has: image"):
        opened(table(tmp_path / "c.parquet", MEDIA))
    source = opened(table(tmp_path / "d.parquet", [1, 2, 3], text=["a"] * 3))
    with pytest.raises(CorruptSample, match=r"d\.parquet:1: the medium is int, expected bytes or the path of a file"):
        source.open(1)
