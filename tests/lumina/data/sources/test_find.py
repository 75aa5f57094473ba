import json

import pytest

from lumina.data.census import LeftOut
from lumina.data.sources import Wanted, open_sources

WANTED = {"suffixes": (".png",), "media": ("image", "file_name")}


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"of {name}")
    return root


def opened(path, **wanted):
    return open_sources([path], Wanted(**WANTED, **wanted))


def read(source):
    return {source.name(i): source.fields(i) for i in range(len(source))}


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
        "files outside of the classes' folders": LeftOut(1, "top.png"),
        "files ending in .txt": LeftOut(1, "cat/a.txt"),
    }


def test_metadata_of_an_imagefolder_are_read(tmp_path):
    write(tmp_path, "train/a.png", "train/d/b.png", "train/c.png", "test/a.png", "README.md")
    for split, rows in (("train", ["a.png", "d/b.png", "gone.png"]), ("test", ["a.png"])):
        lines = [json.dumps({"file_name": name, "text": f"{split} {name}"}) for name in rows]
        (tmp_path / split / "metadata.jsonl").write_text("\n".join(lines))
    source = opened(tmp_path)
    assert {name: fields["text"] for name, fields in read(source).items()} == {
        "test/metadata.jsonl:0": "test a.png",
        "train/metadata.jsonl:0": "train a.png",
        "train/metadata.jsonl:1": "train d/b.png",
    }
    assert source.open(2).read() == b"of train/d/b.png"
    assert source.census.left_out == {
        "records of metadata.jsonl without their file": LeftOut(1, "train/metadata.jsonl:2"),
        "files that no metadata.jsonl names": LeftOut(1, "train/c.png"),
        "files ending in .md": LeftOut(1, "README.md"),
    }


def test_names_composed_otherwise_are_found(tmp_path):
    write(tmp_path, "caf\u00e9.png", "e\u0301te\u0301.png")
    lines = [json.dumps({"image": name, "text": "x"}) for name in ("cafe\u0301.png", "\u00e9t\u00e9.png")]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    source = opened(tmp_path / "a.jsonl")
    assert [source.open(i).read().decode() for i in (0, 1)] == ["of caf\u00e9.png", "of e\u0301te\u0301.png"]


@pytest.mark.parametrize("line", ['{"image": "a.png"},', "[1]", "a.png"])
def test_a_manifest_of_broken_lines_is_told(tmp_path, line):
    (tmp_path / "a.jsonl").write_text(f"{line}\n" * 3)
    with pytest.raises(
        ValueError, match=r"a\.jsonl: none of the first 3 records can be read \(.*an object a line, without"
    ):
        opened(tmp_path / "a.jsonl")


def test_an_empty_folder_says_what_is_wanted_and_what_was_there(tmp_path):
    write(tmp_path, "a.xcf", "b.png")
    with pytest.raises(
        ValueError,
        match=r"each beside a \.txt .* Left out: files ending in \.xcf: 1, for example a\.xcf; files wi.*: 1,",
    ):
        opened(tmp_path)
    with pytest.raises(ValueError, match=r"Found no data in .*none: expected files ending in \.png; or \.tar"):
        opened(write(tmp_path / "none", "a.xcf"), usual=())


def test_what_a_chain_leaves_out_is_that_of_its_parts(tmp_path):
    parts = [write(tmp_path / part, "a.png", "a.txt", "b.png", f"{part}.md") for part in "xy"]
    source = open_sources(parts, Wanted(**WANTED))
    assert len(source) == 2 and source.census.count == 4
    assert "files without a text (.txt or .caption) beside them: 2, for example b.png" in str(source.census)
