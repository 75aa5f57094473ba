from random import Random

import pytest

from lumina.music.composing import FASTEST, LOUDNESS, SLOWEST, Phrases, Sections, compose_phrase, fitted, played_at
from lumina.music.drums import PATTERNS
from lumina.music.instruments import DEFAULT, NAMED
from lumina.music.keys import Key
from lumina.music.notes import Note
from lumina.music.synthesizer import render
from lumina.text.structured import parse


@pytest.mark.parametrize("instrument", DEFAULT, ids=lambda one: one.name)
def test_every_instrument_sounds_in_its_range_at_its_loudness(synth, instrument):
    for seed in range(4):
        clip = Phrases((instrument,)).compose(Random(seed), 3.0)
        [part] = clip.segments[0].content
        assert part.program == instrument.program and part.drums == instrument.drums
        assert all(note.start + note.length <= 3.0 for note in part.notes)
        assert instrument.drums or all(instrument.low <= note.pitch <= instrument.high for note in part.notes)
        sound = render(clip, synth)
        assert sound.shape == (48_000,)
        assert sound.abs().max() == pytest.approx(LOUDNESS[clip.facts["loudness"]][1], abs=1e-5)
        assert all(third.std() > 0.003 for third in sound.view(3, -1))


def test_facts_agree_with_the_caption():
    for seed in range(100):
        clip = Phrases().compose(Random(seed), 4.0)
        assert clip.label == clip.facts["instrument"]
        assert clip.label in clip.caption
        assert "BPM" not in clip.caption or f"{clip.facts['tempo']} BPM" in clip.caption
        assert parse(clip.structured) == [(clip.caption, "all")]
        assert SLOWEST <= clip.facts["tempo"] <= FASTEST
        assert (clip.facts["key"] is None) == (clip.label == "drums") == (clip.facts["style"] in PATTERNS)


def test_notes_stand_on_the_grid_of_the_tempo():
    phrase = compose_phrase(Random(0), NAMED["violin"], 6.0, 100, Key(0, "major"))
    eighths = [note.start / (60 / 100 / 2) for note in phrase.part.notes]
    assert eighths == pytest.approx([round(place) for place in eighths])
    assert phrase.tempo == 100


def test_all_instruments_and_loudnesses_are_drawn():
    facts = [Phrases().compose(Random(seed), 1.0).facts for seed in range(300)]
    assert {fact["instrument"] for fact in facts} == set(Phrases().labels)
    assert {fact["loudness"] for fact in facts} == set(LOUDNESS)


def test_sections_follow_each_other_in_one_tempo(synth):
    for seed in range(30):
        clip = Sections().compose(Random(seed), 4.0)
        first, second = clip.facts["first"], clip.facts["second"]
        assert first["instrument"] != second["instrument"] and first["tempo"] == second["tempo"]
        assert [position for _, position in parse(clip.structured)] == ["start", "end"]
        assert clip.caption.index(first["instrument"]) < clip.caption.index(second["instrument"])
        assert [(segment.start, segment.seconds) for segment in clip.segments] == [(0.0, 2.0), (2.0, 2.0)]
        assert clip.label == first["instrument"]
    halves = render(clip, synth).view(2, -1).abs().amax(1).tolist()
    assert halves == pytest.approx([LOUDNESS[part["loudness"]][1] for part in (first, second)], abs=1e-5)
    with pytest.raises(ValueError, match="two instruments"):
        Sections((NAMED["piano"],))


def test_two_clips_are_never_quite_the_same():
    scales = [compose_phrase(Random(seed), NAMED["violin"], 2.0, 100, Key(0, "major")) for seed in range(60)]
    assert len({str(phrase.part) for phrase in scales}) == 60
    soft = played_at(Random(0), "soft", [Note(0, 1, 60, 88)] * 50)
    assert {note.velocity for note in soft} == set(range(56, 69))


def test_no_note_begins_just_before_the_end():
    assert fitted([Note(0, 5, 60), Note(0.95, 1, 60)], 1.0) == [Note(0, 1.0, 60)]
