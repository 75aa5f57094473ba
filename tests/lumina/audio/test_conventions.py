from __future__ import annotations

from lumina.audio.conventions import CONVENTIONS


def test_a_second_has_as_many_frames_as_the_papers_say():
    assert {name: convention.rate / convention.hop for name, convention in CONVENTIONS.items()} == {
        "make_an_audio": 62.5,
        "speech_t5": 62.5,
        "audio_ldm": 100,
        "mm_audio": 62.5,
        "mm_audio_44k": 44_100 / 512,
    }
