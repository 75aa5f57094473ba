"""Media beside their texts, or in the folders of their classes."""

from __future__ import annotations

from tiny_sources import opened, read, write

from lumina.data.census import LeftOut


def test_texts_of_both_endings_are_read_and_the_rest_is_counted(tmp_path):
    write(
        tmp_path, "a.png", "a.txt", "a.caption", "d/b.png", "d/b.caption", "c.PNG", "c.TXT", "no.png", "x.txt", "x.xcf"
    )
    source = opened(tmp_path)
    assert read(source) == {
        "a.png": {"txt": "of a.txt"},
        "c.PNG": {"txt": "of c.TXT"},
        "d/b.png": {"txt": "of d/b.caption"},
    }
    assert source.census.left_out == {
        "files without a text (.txt or .caption) beside them": LeftOut(1, "no.png"),
        "files ending in .caption": LeftOut(1, "a.caption"),
        "files ending in .txt": LeftOut(1, "x.txt"),
        "files ending in .xcf": LeftOut(1, "x.xcf"),
    }
    assert len(opened(tmp_path, usual=())) == 4


def test_class_folders_count_what_lies_outside(tmp_path):
    source = opened(write(tmp_path, "cat/a.png", "cat/a.txt", "top.png"), class_folders=True)
    assert read(source) == {"cat/a.png": {"label": "cat"}}
    assert source.census.left_out == {
        "files outside of the class folders": LeftOut(1, "top.png"),
        "files ending in .txt": LeftOut(1, "cat/a.txt"),
    }
