"""Files of records, JSON and JSONL."""

from __future__ import annotations

import json

import pytest

from lumina.data.sources import Wanted, open_sources
from lumina.errors import CorruptSample

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


@pytest.mark.parametrize(("suffix", "between"), [(".csv", ","), (".tsv", "\t")])
def test_rows_below_a_header(tmp_path, suffix, between):
    rows = [["image", "text"], ["0.png", "a cat"], ["1.png", ""], ["2.png"]]
    (tmp_path / f"a{suffix}").write_text("\n".join(between.join(row) for row in rows))
    write(tmp_path, "0.png", "1.png")
    source = opened(tmp_path / f"a{suffix}")
    assert len(source) == 3 and source.fields(1) == {"image": "1.png", "text": ""}
    assert source.open(0).read() == b"of 0.png" and source.file_name(1).endswith("1.png")
    with pytest.raises(CorruptSample, match=rf"a\{suffix}:2: .*the row has 1 cells, its header has 2"):
        source.fields(2)
    (tmp_path / f"b{suffix}").write_text("image")
    with pytest.raises(ValueError, match="has no records"):
        opened(tmp_path / f"b{suffix}")


def test_an_id_or_a_template_names_the_file(tmp_path):
    write(tmp_path, "Ya.b_30.png", "17.png")
    (tmp_path / "a.csv").write_text("image,id,start\nYa.b_30,a.b,30\n17,,\n")
    assert opened(tmp_path / "a.csv").open(0).read() == b"of Ya.b_30.png"
    assert opened(tmp_path / "a.csv").open(1).read() == b"of 17.png"
    source = opened(tmp_path / "a.csv", medium="Y{id}_{start}.png")
    assert source.open(0).read() == b"of Ya.b_30.png"
    (tmp_path / "b.jsonl").write_text('{"image": 17}\n{"image": [1]}\n')
    source = opened(tmp_path / "b.jsonl")
    assert source.open(0).read() == b"of 17.png"
    with pytest.raises(CorruptSample, match="the medium is list"):
        source.open(1)
    with pytest.raises(CorruptSample, match=r"lacks id of Y\{id\}\.png"):
        opened(tmp_path / "b.jsonl", medium="Y{id}.png").open(0)


def test_records_without_their_file_are_left_out_where_that_is_asked_for(tmp_path):
    write(tmp_path, "0.png", "2.png")
    rows = [{"image": f"{n}.png"} for n in range(4)] + [{"text": "names none"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert len(opened(tmp_path / "a.jsonl")) == 5
    source = opened(tmp_path / "a.jsonl", absent="left_out")
    assert [source.name(n) for n in range(len(source))] == ["a.jsonl:0", "a.jsonl:2", "a.jsonl:4"]
    assert str(source.census) == "records whose file is not there: 2, for example a.jsonl:1"
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows[:4])))
    with pytest.raises(ValueError, match=r"none of the 4 files that it names is there, .*b/0\.png"):
        opened(tmp_path / "a.jsonl", absent="left_out", root=tmp_path / "b")


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
