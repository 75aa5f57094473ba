from random import Random

import pytest

from lumina.music.instruments import NAMED
from lumina.music.keys import SCALES, Key
from lumina.music.phrases import Setting, styles_of

PIANO, BASS, VIOLIN = NAMED["piano"], NAMED["synth bass"], NAMED["violin"]
STYLES = {**styles_of(PIANO), **styles_of(BASS)}


@pytest.mark.parametrize("name", STYLES)
def test_notes_are_of_the_key_within_the_range_and_fill_the_time(name):
    for seed in range(24):
        key = Key(seed % 12, "major" if seed % 2 else "minor")
        setting = Setting(key, 40, 64, 11.3)
        notes = list(STYLES[name](Random(seed), setting))
        allowed = {(key.tonic + step) % 12 for step in SCALES[key.mode]}
        assert {note.pitch % 12 for note in notes} <= allowed
        assert all(40 <= note.pitch <= 64 and note.length > 0 for note in notes)
        assert min(note.start for note in notes) == 0
        assert max(note.start + note.length for note in notes) > 11.3 - 4
        assert [note.start for note in notes] == sorted(note.start for note in notes)


@pytest.mark.parametrize("name", STYLES)
def test_seeds_decide(name):
    setting = Setting(Key(0, "major"), 40, 64, 8)
    phrases = [tuple(STYLES[name](Random(seed), setting)) for seed in range(8)]
    assert phrases == [tuple(STYLES[name](Random(seed), setting)) for seed in range(8)]
    assert len(set(phrases)) > 1


def test_chords_are_for_instruments_that_play_several_notes():
    assert "chords" in styles_of(PIANO)
    assert "chords" not in styles_of(VIOLIN)
    assert set(styles_of(BASS)) == {"walking bass", "riff", "arpeggio"}
    notes = list(styles_of(PIANO)["chords"](Random(0), Setting(Key(0, "major"), 48, 84, 4)))
    assert len({note.pitch for note in notes if note.start == 0}) == 3
