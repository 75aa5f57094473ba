"""The captions of a record, in all forms that data sets have them."""

from __future__ import annotations

import pytest

from lumina.data.sources.captions import USUAL, caption_pool


@pytest.mark.parametrize(
    ("record", "pool"),
    [
        ({"caption": " a cat\n"}, ["a cat"]),
        ({"text": ["one", "two", None]}, ["one", "two"]),
        ({"conversations": [{"value": "<image>"}, {"value": "a cat"}]}, ["a cat"]),
        ({"caption": ""}, [""]),
        ({"txt": "beside", "caption": None}, ["beside"]),
    ],
)
def test_forms(record, pool):
    assert caption_pool(record) == pool


def test_the_first_usual_name_counts_and_named_fields_are_a_pool():
    record = dict.fromkeys(reversed(USUAL), "other") | {USUAL[0]: "first"}
    assert caption_pool(record) == ["first"]
    assert caption_pool({"long": "a", "short": ["b", "c"], "text": "d"}, ["short", "long", "gone"]) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"image": "a.png"}, "no caption: looked for caption, .*; the record has: image"),
        ({}, "the record has: no fields"),
        ({"caption": []}, "no caption"),
        ({"caption": 3}, "the caption 'caption' is int, expected a text or a list of texts"),
        ({"caption": ["a", 3]}, "is int"),
        ({"caption": "half \ud83d"}, "invalid Unicode"),
    ],
)
def test_what_is_no_caption_is_told(record, reason):
    with pytest.raises(ValueError, match=reason):
        caption_pool(record)
