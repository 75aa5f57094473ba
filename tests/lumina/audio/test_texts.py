"""Captions of sounds, plain and structured, of every form of record."""

from __future__ import annotations

import json

import pytest
from tiny_sounds import write_tone

from lumina.audio.texts import PLAIN, STRUCTURED, Captions, census_of, words
from lumina.data.sources import Wanted, open_sources
from lumina.errors import CorruptSample


def opened(path, texts=True):
    more = (*STRUCTURED, "caption")
    usual = PLAIN if texts else ()
    return open_sources([path], Wanted(suffixes=(".wav",), media=("audio", "ytid"), usual=usual, more=more))


def records(tmp_path, *rows):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"audio": "a.wav", **row}) + "\n" for row in rows))
    return opened(path)


@pytest.mark.parametrize(
    ("row", "plain", "structured"),
    [
        ({"caption": "rain"}, ["rain"], ["<rain& all>"]),
        ({"caption": ["rain", "wet"]}, ["rain", "wet"], ["<rain& all>", "<wet& all>"]),
        ({"caption": "rain", "structured": "<rain& end>"}, ["rain"], ["<rain& end>"]),
        ({"ori_cap": "rain", "caption": "<rain& mid>"}, ["rain"], ["<rain& mid>"]),
        ({"caption": "<rain& mid>"}, ["<rain& mid>"], [r"<\<rain& mid\>& all>"]),
        ({"caption": "rain", "structured": "<broken& structure"}, ["rain"], ["<rain& all>"]),
        ({"caption": "rain", "structured": ""}, ["rain"], ["<rain& all>"]),
        ({"caption": "  "}, [""], [""]),
        ({"caption": "🌧️ " * 5000}, [("🌧️ " * 5000).strip()], [f"<{('🌧️ ' * 5000).strip()}& all>"]),
    ],
)
def test_of_a_record(tmp_path, row, plain, structured):
    pool, found, invalid = Captions().of(records(tmp_path, row), 0)
    assert (pool, found) == (plain, structured)
    assert bool(invalid) == ("broken" in row.get("structured", ""))


def test_a_record_without_a_caption_is_corrupt(tmp_path):
    with pytest.raises(CorruptSample, match=r"a\.jsonl:0.*no caption"):
        Captions().of(records(tmp_path, {"loudness": 3}), 0)


def test_fields_of_other_names(tmp_path):
    source = records(tmp_path, {"caption": "no", "said": "yes", "form": "<yes& start>"})
    assert Captions(plain=("said",), structured="form").of(source, 0)[:2] == (["yes"], ["<yes& start>"])


def test_names_and_folders_are_captions(tmp_path):
    write_tone(tmp_path / "train/big_dogs/ambi_choir-2.wav", 0.1)
    write_tone(tmp_path / "plain.wav", 0.1)
    source = opened(tmp_path, texts=False)
    names = [source.name(i) for i in range(2)]
    inner = names.index("train/big_dogs/ambi_choir-2.wav")
    assert Captions(origin="names").of(source, inner)[0] == ["ambi choir 2"]
    assert Captions(origin="folders").of(source, inner)[0] == ["big dogs"]
    with pytest.raises(CorruptSample, match="lies in no folder"):
        Captions(origin="folders").of(source, 1 - inner)


def test_words():
    assert words("__Bow-miss.2 ") == "Bow miss 2"


def test_what_is_replaced_is_counted_once(tmp_path):
    source = records(
        tmp_path, {"caption": "a"}, {"caption": ""}, {"caption": "b", "structured": "<b& nowhere>"}, {"caption": None}
    )
    for _ in range(2):
        census = census_of(Captions(), source, tmp_path / "cache")
        assert census.count == 2
        told = str(census)
        assert "captions without words" in told and "a.jsonl:1" in told
        assert "outside of the grammar" in told and "<b& nowhere>" in told
