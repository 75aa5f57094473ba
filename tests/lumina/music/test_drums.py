from random import Random

import pytest

from lumina.music.drums import PATTERNS, TOMS, beat


@pytest.mark.parametrize("name", PATTERNS)
def test_a_bar_is_repeated_but_for_fills(name):
    notes = list(beat(Random(0), name, 12))
    bars = [
        sorted((round(note.start - 4 * bar, 6), note.pitch) for note in notes if note.start // 4 == bar)
        for bar in range(3)
    ]
    assert bars[0] == bars[1] == bars[2]
    assert len(bars[0]) == sum(steps.count("x") for steps in PATTERNS[name].values())
    assert {note.velocity for note in notes if note.start % 1 == 0} == {94}


def test_steps_fill_a_bar():
    assert {len(steps) for pattern in PATTERNS.values() for steps in pattern.values()} == {12, 16}
    assert [note.start for note in beat(Random(0), "disco beat", 4) if note.pitch == 36] == [0, 1, 2, 3]


def test_a_fill_may_end_four_bars():
    last = [{note.pitch for note in beat(Random(seed), "rock beat", 16) if note.start >= 15} for seed in range(20)]
    assert set(TOMS) in last
    assert any(not pitches & set(TOMS) for pitches in last)
