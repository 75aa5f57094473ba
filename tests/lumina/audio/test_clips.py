"""Sounds that are read part by part."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tiny_sounds import tone, write_tone

from lumina.audio.clips import Clips
from lumina.audio.lengths import Grid
from lumina.audio.texts import PLAIN, Captions
from lumina.data.sources import Wanted, open_sources
from lumina.errors import CorruptSample


def clips(tmp_path, *names, lengths=None, sizes=(4096, 8192), **options):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"audio": name, "caption": name}) + "\n" for name in names))
    source = open_sources([tmp_path / "a.jsonl"], Wanted(suffixes=(".wav",), media=("audio",), usual=PLAIN))
    return Clips(source, np.arange(len(names)), Captions(), Grid(sizes), 16_000, lengths=lengths, **options)


def test_a_short_sound_is_followed_by_silence(tmp_path):
    write_tone(tmp_path / "a.wav", 0.3)
    item = clips(tmp_path, "a.wav")[0]
    assert item["length"] == 4800 and item["sound"].size == 8192 and item["sound"].room == 0
    sound = item["sound"].read()
    assert sound.shape == (8192,) and sound.dtype == torch.float32 and not sound[4800:].any()
    torch.testing.assert_close(sound[:4800], torch.from_numpy(tone(0.3)).float(), atol=1e-4, rtol=0)


def test_a_part_of_a_long_sound(tmp_path):
    write_tone(tmp_path / "a.wav", 3)
    item = clips(tmp_path, "a.wav")[0]
    assert item["length"] == 8192 and item["sound"].room == 48_000 - 8192
    for start in (0, 12_345, 48_000 - 8192):
        expected = torch.from_numpy(tone(3)[start : start + 8192]).float()
        torch.testing.assert_close(item["sound"].read(start), expected, atol=1e-4, rtol=0)


def test_another_rate(tmp_path):
    write_tone(tmp_path / "a.wav", 0.25, rate=44_100)
    item = clips(tmp_path, "a.wav")[0]
    assert item["length"] == 4000 and item["sound"].read().shape == (4096,)
    assert item["sound"].read()[:4000].abs().max() > 0.4


def test_known_lengths_spare_the_header(tmp_path):
    write_tone(tmp_path / "a.wav", 0.3)
    made = clips(tmp_path, "a.wav", "b.wav", lengths=np.array([4800, 0]))
    (tmp_path / "a.wav").unlink()
    assert made[0]["length"] == 4800
    with pytest.raises(CorruptSample, match=r"a\.jsonl:0"):
        made[0]["sound"].read()
    with pytest.raises(CorruptSample, match=r"a\.jsonl:1"):
        made[1]


def test_loudness_is_that_of_what_is_served(tmp_path):
    write_tone(tmp_path / "a.wav", 0.25)
    assert float(clips(tmp_path, "a.wav", loudness="peak")[0]["sound"].read().abs().max()) == pytest.approx(1, abs=1e-3)
