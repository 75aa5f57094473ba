import pytest

from lumina.music.composing import Phrases, Sections
from lumina.music.events import TwoEvents
from lumina.music.instruments import DEFAULT, NAMED
from lumina.music.recipes import SPLITS, Durations, Mixed, Recipe, composer_of


def recipe(seed=0, **durations):
    return Recipe(dict.fromkeys(SPLITS, Phrases()), Durations(**{"shortest": 2.0, **durations}), seed)


def test_a_clip_depends_on_seed_split_and_index_alone():
    assert recipe().clip("train", 5) == recipe().clip("train", 5)
    clips = [recipe(seed).clip(split, index) for seed in (0, 1) for split in SPLITS for index in range(40)]
    assert len({str(clip.segments) for clip in clips}) == len(clips)


def test_durations_are_steps():
    durations = Durations(2.0, 4.0, 0.5)
    assert [durations.seconds(number) for number in range(durations.count)] == [2, 2.5, 3, 3.5, 4]
    assert Durations(3.0).count == 1
    one = recipe(longest=4.0)
    clips = [one.clip("train", index) for index in range(60)]
    assert {clip.seconds for clip in clips} == {2, 2.5, 3, 3.5, 4}
    assert [clip.seconds for clip in clips] == [2 + 0.5 * one.duration("train", index) for index in range(60)]


@pytest.mark.parametrize("values", [(0.0,), (-1.0,), (1e9,), (4.0, 2.0), (float("nan"),)])
def test_durations_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match=r"set 0\.5 to 600"):
        Durations(*values)
    with pytest.raises(ValueError, match="step"):
        Durations(1.0, 2.0, 0.0)


def test_kinds_are_mixed():
    assert composer_of(["phrases"], DEFAULT) == Phrases(DEFAULT)
    assert composer_of(["sections", "sections"], DEFAULT) == Sections(DEFAULT)
    mixed = composer_of(["phrases", "events"], DEFAULT)
    assert isinstance(mixed, Mixed)
    assert mixed.labels == [*Phrases().labels, *TwoEvents().labels]
    labels = {Recipe({"train": mixed}, Durations(1.0)).clip("train", index).label for index in range(200)}
    assert labels <= set(mixed.labels) and {"bird", "violin"} <= labels
    with pytest.raises(ValueError, match="choose from phrases, sections, events"):
        composer_of([], DEFAULT)
    with pytest.raises(ValueError, match="two instruments"):
        composer_of(["sections"], (NAMED["piano"],))
