"""The labels of a source: numbers or names, gathered once, numbered in one way."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lumina.data.sources import Wanted, open_sources
from lumina.data.sources.labels import OTHER, UNLABELLED, class_names, label_of, labels_of, numbered

NAMES = ("label", "cls")


def source(folder, labels):
    rows = [{"image": "a.png"} if label is None else {"image": "a.png", "label": label} for label in labels]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return open_sources([folder / "a.jsonl"], Wanted(suffixes=(".png",), media=("image",), usual=NAMES))


@pytest.mark.parametrize(("record", "label"), [({"label": 3}, 3), ({"label": " cat "}, "cat"), ({"cls": "7"}, 7)])
def test_labels_of_records(record, label):
    assert label_of(record) == label


@pytest.mark.parametrize("record", [{}, {"label": -1}, {"label": ""}, {"label": 0.5}, {"cls": "x"}])
def test_what_is_no_label_is_refused(record):
    with pytest.raises(ValueError):
        label_of(record)


@pytest.mark.parametrize("labels", [["b", None, "a", "b"], [1, None, 0, 1]])
def test_numbers_follow_the_order_of_the_classes(tmp_path, labels):
    found = labels_of(source(tmp_path, labels), NAMES, None)
    names = class_names(found)
    assert names == (("a", "b") if labels[0] == "b" else ("0", "1"))
    assert numbered(found, names).tolist() == [1, UNLABELLED, 0, 1]
    assert numbered(found, names[1:]).tolist() == [0, UNLABELLED, OTHER, 0]


def test_gathered_once(tmp_path):
    records = source(tmp_path, ["a", "b"])
    first = labels_of(records, NAMES, tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    written = file.stat().st_mtime_ns
    assert np.array_equal(labels_of(records, NAMES, tmp_path / "cache"), first)
    assert file.stat().st_mtime_ns == written


def test_labels_of_two_kinds_or_none_are_told(tmp_path):
    with pytest.raises(ValueError, match="are numbers and some are names"):
        labels_of(source(tmp_path, ["a", 1]), NAMES, None)
    with pytest.raises(ValueError, match=r"None of the 2 records .* has a label; the first is .*a\.jsonl:0"):
        labels_of(source(tmp_path, [None, None]), NAMES, None)
