import pytest

from lumina.music.notes import Clip, Note, in_seconds


def test_beats_become_seconds():
    assert in_seconds([Note(0, 1, 60), Note(1.5, 0.5, 62, 80)], 120) == [Note(0, 0.5, 60), Note(0.75, 0.25, 62, 80)]


def test_the_structured_caption_names_what_is_heard_when():
    clip = Clip(4.0, [], "a bell and a drum", [("a bell", "start"), ("a drum", "end")], {}, "bell")
    assert clip.structured == "<a bell& start>@<a drum& end>"
    with pytest.raises(ValueError, match="position"):
        _ = Clip(4.0, [], "a bell", [("a bell", "soon")], {}, "bell").structured
