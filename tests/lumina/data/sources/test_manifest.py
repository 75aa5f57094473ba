"""Files of records, JSON and JSONL."""

from __future__ import annotations

import json

import pytest

from lumina.data.sources import Wanted, open_sources

WANTED = {"suffixes": (".png",), "media": ("image", "file_name")}


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"of {name}")
    return root


def opened(path, **wanted):
    return open_sources([path], Wanted(**WANTED, **wanted))


@pytest.mark.parametrize("line", ['{"image": "a.png"},', "[1]", "a.png"])
def test_a_manifest_of_broken_lines_is_told(tmp_path, line):
    (tmp_path / "a.jsonl").write_text(f"{line}\n" * 3)
    with pytest.raises(
        ValueError, match=r"a\.jsonl: none of the first 3 records can be read \(.*one object per line, without"
    ):
        opened(tmp_path / "a.jsonl")


def test_both_forms_hold_the_same_records(tmp_path):
    rows = [{"image": f"{n}.png", "text": f"number {n}"} for n in range(5)]
    write(tmp_path, *(row["image"] for row in rows))
    (tmp_path / "list.json").write_text(json.dumps(rows))
    (tmp_path / "lines.jsonl").write_text("\n\n".join(map(json.dumps, rows)))  # empty lines are no records
    for name in ("list.json", "lines.jsonl"):
        source = opened(tmp_path / name)
        assert [source.fields(n) for n in range(len(source))] == rows
        assert [source.name(n) for n in range(5)] == [f"{name}:{n}" for n in range(5)]
        with source.open(3) as file:
            assert file.read() == b"of 3.png"


def test_records_that_stay_keep_their_numbers_as_names(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(f'{{"image": "{n}.png", "text": "x"}}\n' for n in range(5)))
    source = opened(tmp_path / "a.jsonl")
    source.keep([1, 4])
    assert [source.name(n) for n in range(len(source))] == ["a.jsonl:1", "a.jsonl:4"]
    assert source.fields(1)["image"] == "4.png"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", "{}", "holds dict, expected a list of objects"),
        ("a.json", '{"a": 1}\n{"a": 2}', r"must end in \.jsonl"),
        ("a.json", "[]", "has no records"),
        ("a.jsonl", "\n", "has no records"),
    ],
)
def test_what_is_no_list_of_records_is_told(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=reason):
        opened(tmp_path / name)
