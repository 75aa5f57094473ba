"""Tables of classes and captions."""

from __future__ import annotations

import pytest

from lumina.clouds.shape_table import ShapeTable


def table(folder, text):
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return ShapeTable(folder / "a.csv")


def test_classes_and_captions_of_files(tmp_path):
    found = table(tmp_path, 'file,label,caption\n./x/a.ply, chair ,"old, red"\nb.ply,,none\n')
    assert found.label("x/a.ply") == "chair" and found.caption("x//a.ply") == "old, red" and found.has_captions
    assert found.label("b.ply") is None, "an empty label leaves a file out"
    assert found.label("c.ply") is None
    assert found.absent(["x/a.ply"]) == [] and found.absent([]) == ["./x/a.ply"]


def test_captions_alone_are_of_no_class(tmp_path):
    found = table(tmp_path, "file,caption\na.ply,red\n")
    assert found.label("a.ply") == "" and found.label("b.ply") is None and found.absent([]) == ["a.ply"]
    assert not table(tmp_path, "file,label\na.ply,red\n").has_captions


def test_accents_may_be_written_apart(tmp_path):
    assert table(tmp_path, "file,label\ncaf\u00e9.ply,x\n").label("cafe\u0301.ply") == "x"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"has the columns \(none\): it needs file, and label or caption"),
        ("file,label\n", "a row for each shape"),
        ("name,label\na,b\n", "has the columns name, label: it needs file"),
        ("file,other\na,b\n", "it needs file, and label or caption"),
        ("file,label\na,b\na,b,c\n", r"Row 3 of .*a\.csv has 3 fields, but 2 columns are named"),
    ],
)
def test_what_is_missing_is_told(tmp_path, text, reason):
    with pytest.raises(ValueError, match=reason):
        table(tmp_path, text)
