"""Pipes and devices are refused instead of being waited for."""

from __future__ import annotations

import os
import time

import pytest

from lumina.data.sources import Wanted, open_sources
from lumina.errors import CorruptSample
from lumina.files.regular import open_regular, read_bounded

WANTED = Wanted(suffixes=(".jpg",), media=("image",))


def test_pipes_and_devices_do_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to("/dev/zero")
    (tmp_path / "list.jsonl").write_text("".join(f'{{"image": "{x}.jpg", "caption": "x"}}\n' for x in "ab"))
    start = time.monotonic()
    for name in ("a.jpg", "b.jpg"):
        with pytest.raises(ValueError, match="a pipe or a device"):
            open_regular(tmp_path / name)
    source = open_sources([tmp_path / "list.jsonl"], WANTED)
    for index in (0, 1):
        with pytest.raises(CorruptSample, match="a pipe or a device"):
            source.open(index)
    assert time.monotonic() - start < 5


def test_a_long_file_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("12345")
    assert read_bounded(tmp_path / "a.txt", 5) == b"12345"
    with pytest.raises(ValueError, match=r"a\.txt is longer than"):
        read_bounded(tmp_path / "a.txt", 4)
