import re
from random import Random

import pytest

from lumina.music.keys import SCALES, TONICS, Key, estimate_key, random_key
from lumina.music.notes import Note

KEYS = [Key(tonic, mode) for mode in SCALES for tonic in range(12)]


def test_degrees_of_a_minor():
    key = Key(9, "minor")
    assert str(key) == "A minor"
    assert [key.pitch(degree, 57) for degree in range(8)] == [57, 59, 60, 62, 64, 65, 67, 69]
    assert (key.pitch(-1, 57), key.pitch(0, 58)) == (55, 69)


def test_the_key_of_a_scale_with_its_triad_is_found():
    for key in KEYS:
        notes = [Note(place, 1, key.pitch(degree, 60)) for place, degree in enumerate((0, 2, 4, 7, 1, 3, 5, 6, 4, 0))]
        assert estimate_key(notes) == key
    with pytest.raises(ValueError, match="at least one note"):
        estimate_key([])


def test_all_keys_are_drawn_and_named_differently():
    assert {random_key(Random(seed)) for seed in range(400)} == set(KEYS)
    assert len({str(key) for key in KEYS}) == 24
    assert all(re.fullmatch(r"[A-G]( flat| sharp)?", tonic) for tonic in TONICS)
