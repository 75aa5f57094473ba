import json

import pytest
from tiny_sources import opened, read, write

from lumina.data.census import LeftOut


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


def test_an_empty_folder_says_what_is_wanted_and_what_was_there(tmp_path):
    write(tmp_path, "a.xcf", "b.png")
    with pytest.raises(
        ValueError,
        match=r"its caption in a \.txt .* Left out: files ending in \.xcf: 1, for example a\.xcf; files wi.*: 1,",
    ):
        opened(tmp_path)
    with pytest.raises(ValueError, match=r"Found no data in .*none: expected files ending in \.png; or \.tar"):
        opened(write(tmp_path / "none", "a.xcf"), usual=())
