"""What all sources have in common: names of files, chains, blame."""

from __future__ import annotations

import json

import pytest
from tiny_sources import WANTED, opened, write

from lumina.data.sources import Wanted, open_sources
from lumina.errors import CorruptSample


def test_names_composed_otherwise_are_found(tmp_path):
    write(tmp_path, "caf\u00e9.png", "e\u0301te\u0301.png")
    lines = [json.dumps({"image": name, "text": "x"}) for name in ("cafe\u0301.png", "\u00e9t\u00e9.png")]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    source = opened(tmp_path / "a.jsonl")
    assert [source.open(i).read().decode() for i in (0, 1)] == ["of caf\u00e9.png", "of e\u0301te\u0301.png"]


def test_what_a_chain_leaves_out_is_that_of_its_parts(tmp_path):
    parts = [write(tmp_path / part, "a.png", "a.txt", "b.png", f"{part}.md") for part in "xy"]
    source = open_sources(parts, Wanted(**WANTED))
    assert len(source) == 2 and source.census.count == 4
    assert "files without a text (.txt or .caption) beside them: 2, for example b.png" in str(source.census)


def test_a_chain_is_its_sources_one_after_the_other(tmp_path):
    parts = [write(tmp_path / part, *(f"{n}{end}" for n in range(3) for end in (".png", ".txt"))) for part in "xy"]
    chain, (first, second) = open_sources(parts, Wanted(**WANTED)), [opened(part) for part in parts]
    assert len(chain) == 6
    for index in range(6):
        source, own = (first, index) if index < 3 else (second, index - 3)
        assert (chain.name(index), chain.where(index)) == (source.name(own), source.where(own))
        assert chain.fields(index) == source.fields(own)
        with chain.open(index) as file, source.open(own) as same:
            assert file.read() == same.read()


def test_what_cannot_be_read_is_blamed_on_its_record(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"image": "gone.png", "text": "x"}\n{"text": "x"}\n')
    source = opened(tmp_path / "a.jsonl")
    with pytest.raises(CorruptSample, match=r"a\.jsonl:0: .*No such file"):
        source.open(0)
    with pytest.raises(CorruptSample, match=r"a\.jsonl:1: the record lacks image or file_name; it has: text"):
        source.open(1)


def test_a_stamp_changes_with_the_files(tmp_path):
    write(tmp_path, "a.png", "a.txt")
    before = opened(tmp_path).stamp
    assert opened(tmp_path).stamp == before
    (tmp_path / "a.txt").write_text("another text")
    assert opened(tmp_path).stamp != before
