from random import Random

import pytest

from lumina.music.captions import ALONE, DRUMS, PITCHED, describe_music, describe_section, in_turn, listed, together
from lumina.music.instruments import NAMED
from lumina.music.keys import Key

VIOLIN, DRUM_KIT = NAMED["violin"], NAMED["drums"]


def violin(seed, loudness="medium"):
    return describe_music(Random(seed), [VIOLIN], "melody", Key(2, "minor"), 72, loudness)


def test_wording_varies_and_every_caption_names_the_instrument():
    captions = {violin(seed) for seed in range(400)}
    assert len(captions) > 100
    assert "a slow melody in D minor on a violin, 72 BPM" in captions
    assert all("violin" in caption and "  " not in caption and "{" not in caption for caption in captions)
    assert not any(word in caption for caption in captions for word in ("fast", "moderate", "loud", "soft"))
    assert sum("D minor" in caption for caption in captions) > len(captions) / 2
    assert violin(5) == violin(5)


def test_loudness_is_always_said_unless_it_is_medium():
    assert all(any(word in violin(seed, "soft") for word in ("soft", "quiet")) for seed in range(50))
    assert all(any(word in violin(seed, "loud") for word in ("loud", "strong")) for seed in range(50))


def test_drums_have_no_key():
    captions = {describe_music(Random(seed), [DRUM_KIT], "rock beat", None, 150, "medium") for seed in range(200)}
    assert all("drums" in caption and "rock beat" in caption and "None" not in caption for caption in captions)
    assert "a fast rock beat on drums, 150 BPM" in captions
    assert any("a rock beat" in caption for caption in captions)


def test_articles_fit_what_follows():
    captions = {
        describe_music(Random(seed), [VIOLIN], "arpeggio", Key(0, "major"), 90, "medium") for seed in range(300)
    }
    assert not any("a arpegg" in caption or "an s" in caption or "an m" in caption for caption in captions)
    assert any("an arpeggio" in caption for caption in captions)


def test_templates_use_what_is_known():
    assert all("{key}" not in template for template in DRUMS)
    assert all("{a_style}" in template for template in (*ALONE, *DRUMS, *PITCHED))
    assert all("{key}" not in template for template in ALONE)


def test_several_instruments_and_voices():
    both = [
        describe_music(Random(seed), [VIOLIN, NAMED["harp"]], "piece", Key(0, "major"), 90, "medium")
        for seed in range(99)
    ]
    assert not any("solo" in caption or "alone" in caption for caption in both)
    assert any("on a violin and a harp" in caption for caption in both)
    sung = [
        describe_music(Random(seed), [NAMED["choir"]], "melody", Key(0, "major"), 90, "medium") for seed in range(99)
    ]
    assert any("by a choir" in caption for caption in sung) and not any("on a choir" in caption for caption in sung)


def test_sections_and_events():
    assert describe_section(Random(0), DRUM_KIT, "rock beat") == "rock beat on drums"
    assert describe_section(Random(3), VIOLIN, "riff").startswith("violin ")
    turns = [in_turn(Random(seed), "a tune", "a beat") for seed in range(20)]
    assert all(turn.index("a tune") < turn.index("a beat") for turn in turns)
    plain = [together(Random(seed), ["a bell rings", "a dog barks"]) for seed in range(40)]
    first = [caption.index("bell") < caption.index("dog") for caption in plain]
    assert True in first and False in first
    assert len(set(plain)) > 3


@pytest.mark.parametrize(("words", "joined"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_lists(words, joined):
    assert listed(words) == joined
