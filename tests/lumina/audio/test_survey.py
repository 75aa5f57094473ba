"""A look at some sounds: lengths and silence."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from tiny_sounds import RATE, write_tones

from lumina.audio import survey as module
from lumina.audio.clips import Clips
from lumina.audio.lengths import Grid, sound_lengths
from lumina.audio.reading import FIELDS, SUFFIXES
from lumina.audio.survey import lines, survey
from lumina.audio.texts import Captions
from lumina.data.sources import Wanted, open_sources


def clips(root, lengths=False):
    source = open_sources([root], Wanted(suffixes=SUFFIXES, media=FIELDS))
    known = sound_lengths(source, RATE, None) if lengths else None
    return Clips(source, np.arange(len(source)), Captions(), Grid([8192, 16_384]), RATE, lengths=known)


def test_lengths_and_silence_are_told(tmp_path):
    root = write_tones(tmp_path / "a", [0.5] * 6 + [3.0] * 3)
    soundfile.write(root / "000.wav", np.zeros(8000), RATE)
    soundfile.write(root / "001.wav", np.full(8000, 5e-5), RATE)
    late = np.zeros(3 * RATE)
    late[2 * RATE :] = 0.5  # behind what is served
    soundfile.write(root / "008.wav", late, RATE)
    (root / "002.wav").write_bytes(b"no sound")
    for known in (False, True):
        data = clips(root, known)
        found = survey(data, tmp_path / "cache")
        assert sorted(found.records[found.silent].tolist()) == [0, 1, 8] and len(found.records) == 8
        assert found.too_silent
        told = list(lines(data, found))
        hours = (5 * 0.5 + 3 * 3) / 8 * 9 / 3600
        assert told[0].removeprefix("about ") == (
            f"{hours:.2f} hours; 0.50 to 3.00 s each, half of them at most 0.50 s"
        )
        assert told[0].startswith("about") != known and told[1] == "3 of 8 looked at are silent"


def test_no_more_sounds_are_read_than_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOKED_AT", 3)
    found = survey(clips(write_tones(tmp_path, [0.1] * 8)), None)
    assert len(found.records) == 3 and not found.too_silent
    monkeypatch.setattr(module, "LOOKED_AT", 100)
    assert len(survey(clips(tmp_path), None).records) == 8


@pytest.mark.parametrize("silent", [2, 3])
def test_more_than_one_in_a_hundred_is_much(silent):
    found = module.Survey(records=np.arange(200), seconds=np.ones(200), silent=np.arange(200) < silent)
    assert found.too_silent == (silent == 3)
