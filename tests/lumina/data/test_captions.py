from __future__ import annotations

import json

import pytest

from lumina.data.captions import read_captions
from lumina.data.census import Census


def read(path, text, uids=("a1", "b2"), **options):
    path.write_text(text)
    census = Census()
    return read_captions(path, uids, census, **options), census


def test_lines_without_a_head(tmp_path):
    texts, census = read(
        tmp_path / "c.csv", 'a1,a chair, of oak\nb2.glb,"a ""red"" car"\nc3,a ghost\n', endings=(".glb",)
    )
    assert texts == {"a1": "a chair, of oak", "b2": 'a "red" car'}
    assert list(census.lines()) == ["lines of c.csv without an object of that UID: 1, for example line 3: c3,a ghost"]


def test_a_head_of_two_columns_is_no_object(tmp_path):
    texts, census = read(tmp_path / "c.csv", 'Name,"Caption"\na1,a chair, of oak\n')
    assert texts == {"a1": "a chair, of oak"} and not census.count


@pytest.mark.parametrize("ids", ["uid", "id", "name", "file", "object", "ID"])
def test_tables_say_which_columns_hold_what(tmp_path, ids):
    texts, census = read(tmp_path / "c.csv", f'split,{ids},Caption\ntrain,a1,"a chair, of oak"\ntest,b2,\ntest,c3,x\n')
    assert texts == {"a1": "a chair, of oak", "b2": ""} and census.count == 1
    assert read(tmp_path / "c.tsv", f"{ids}\tcaption\na1\ta chair\n")[0] == {"a1": "a chair"}
    lines = [json.dumps({ids: "a1", "caption": "a chair"}), json.dumps({ids: "a1", "caption": "an oak chair"})]
    texts, census = read(tmp_path / "c.jsonl", "\n".join(lines))
    assert texts == {"a1": "an oak chair"}
    assert list(census.lines()) == ["captions of an object that has another one below: 1, for example a1"]


def test_a_table_without_ids_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="has the columns split, key, caption: it needs caption, and uid, id, name, file or obj"
    ):
        read(tmp_path / "c.csv", "split,key,caption\ntrain,a1,a chair\n")
