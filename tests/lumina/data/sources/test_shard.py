"""Samples in tar files."""

from __future__ import annotations

import io
import tarfile

import pytest
from tiny_sources import opened_tar as opened
from tiny_sources import write_tar as write

from lumina.data.sources.shard import Member
from lumina.errors import CorruptSample


def test_a_missing_text_is_no_field(tmp_path):
    source = opened(write(tmp_path / "a.tar", ["1.jpg", "1.txt"]))
    assert source.fields(0) == {"txt": "1.txt"}
    source.spans[0, 0] = -1
    with pytest.raises(CorruptSample, match=r"a\.tar:1: no member ends in \.jpg"):
        source.open(0)


def test_a_member_is_a_file_of_its_own(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(100)))
    with Member(path, 10, 20) as member:
        assert member.readable() and member.seekable()
        assert member.read(5) == bytes(range(10, 15)) and member.tell() == 5
        assert member.seek(-3, io.SEEK_END) == 17 and member.read() == bytes(range(27, 30))
        assert member.read() == b"" and member.seek(-50) == 0
        assert member.seek(4) == 4 and member.seek(2, io.SEEK_CUR) == 6 and member.read(1) == b"\x10"
    assert member.closed


def test_json_and_texts_of_a_sample_are_its_fields(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, data in {"1.jpg": b"x", "1.json": b'{"score": 3}', "1.txt": "\ufeffa cat".encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    assert opened(tmp_path / "a.tar").fields(0) == {"score": 3, "txt": "a cat"}
