"""CSV files as people and spreadsheets write them."""

from __future__ import annotations

import pytest

from lumina.data.csv_file import read_csv, read_lines


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_rows_of_every_spreadsheet(tmp_path, mark, end):
    (tmp_path / "a.csv").write_bytes(mark + end.join([b"file,text", b"", b'a.ply,"one, ""two"""', "b.ply,é".encode()]))
    assert read_csv(tmp_path / "a.csv") == [["file", "text"], ["a.ply", 'one, "two"'], ["b.ply", "é"]]


def test_lines_keep_what_ends_them(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfa\r\nb\nc")
    assert read_lines(tmp_path / "a.csv") == ["a\r\n", "b\n", "c"]


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin.csv").write_bytes(b"caf\xe9")
    for name in ("latin.csv", "gone.csv", "."):
        with pytest.raises(ValueError, match="is not a readable CSV file in UTF-8"):
            read_csv(tmp_path / name)
    (tmp_path / "huge.csv").write_text("x" * 200_000)
    with pytest.raises(ValueError, match=r"huge\.csv is not a readable CSV file in UTF-8 \(field larger"):
        read_csv(tmp_path / "huge.csv")
