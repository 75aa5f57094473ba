import pytest

from lumina.music.instruments import DEFAULT, NAMED, find_instruments, instrument_of, with_article

pytest.importorskip("pretty_midi")


def test_names_are_ours_or_those_of_general_midi():
    assert find_instruments(None) == DEFAULT
    assert [one.program for one in find_instruments(["Violin", "Electric Bass (finger)", "Shakuhachi", "99"])] == [
        *(40, 33, 77, 99)
    ]
    assert len({one.program for one in DEFAULT if not one.drums}) == 11


@pytest.mark.parametrize(("names", "words"), [(["kazoo"], "kazoo.*choose from piano"), ([], "at least one")])
def test_other_names_are_refused(names, words):
    with pytest.raises(ValueError, match=words):
        find_instruments(names)


def test_an_instrument_named_twice_is_refused():
    with pytest.raises(ValueError, match="each once"):
        find_instruments(["violin", "40"])


def test_numbers_have_names():
    assert instrument_of(0).name == "piano"
    assert instrument_of(0, drums=True).name == instrument_of(16, drums=True).name == "drums"
    assert instrument_of(127).name == "gunshot"
    assert instrument_of(39).bass


def test_ranges_hold_an_octave_and_articles_fit():
    assert all(one.high - one.low >= 12 for one in NAMED.values())
    assert [with_article(name) for name in ("oboe", "violin", "English horn")] == [
        *("an oboe", "a violin", "an English horn")
    ]
    assert [NAMED[name].with_article for name in ("drums", "strings", "double bass")] == [
        *("drums", "strings", "a double bass")
    ]
