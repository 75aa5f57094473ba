"""Structured captions are read back exactly, and what is none is refused."""

import random

import pytest

from lumina.text.structured import POSITIONS, parse, plain, structured_or_whole, whole, write

PAPER = "<train passing& all>@<short honks three times& end>"
NASTY = ["&", "@", "<", ">", "\\", " ", "\n", "\t", "& end>", "@<", "\\>", "\\\\", "\0", "\u2028", "🎵", "é", "語", "a"]


def random_text(generator):
    def letter():
        if generator.random() < 0.6:
            return generator.choice(NASTY)
        return chr(generator.randrange(0x110000))  # lone surrogates too

    while True:
        text = "".join(letter() for _ in range(generator.randint(1, 12)))
        if text.strip():
            return text


def test_the_example_of_the_paper():
    assert parse(PAPER) == [("train passing", "all"), ("short honks three times", "end")]
    assert write(parse(PAPER)) == PAPER


def test_any_text_is_read_back_exactly():
    generator = random.Random(0)
    for _ in range(3000):
        events = [(random_text(generator), generator.choice(POSITIONS)) for _ in range(generator.randint(1, 4))]
        assert parse(write(events)) == events
        text = random_text(generator)
        assert parse(whole(text)) == [(text, "all")]


@pytest.mark.parametrize("mark", NASTY)
def test_a_mark_at_either_end_of_a_description_stays(mark):
    for text in (f"{mark}a", f"a{mark}", f"{mark}a{mark}"):
        assert parse(write([(text, "mid"), (text, "end")])) == [(text, "mid"), (text, "end")]


def test_ordinary_captions_are_written_as_they_are():
    assert whole("R&B at 5 @ home, 100% 🎵") == "<R&B at 5 @ home, 100% 🎵& all>"
    assert whole("I <3 you") == r"<I \<3 you& all>"


def test_no_events_are_the_empty_text():
    assert write([]) == whole("") == whole("  ") == ""
    assert parse("") == parse(" \n") == []


def test_white_space_and_upper_case_are_harmless():
    assert parse(" <a dog&start> @\n<rain &  ALL >\n") == [("a dog", "start"), ("rain ", "all")]


def test_a_backslash_before_an_ordinary_letter_is_one():
    assert parse(r"<a\nb\& all>") == [("a\\nb\\", "all")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a dog barks", r"an event must begin with '<', at character 1, 'a dog barks'"),
        ("<broken& structure", r"the event does not end in '>' .* at character 1, '<broken& structure'"),
        (r"<a dog& all\>", r"does not end in '>'"),
        ("<a dog& start@<rain& end>", r"does not end in '>' .* at character 1"),
        ("<rain& all><a dog& end>", r"joined by '@', at character 12, '<a dog& end>'"),
        ("<rain& all>, <a dog& end>", r"joined by '@', at character 12"),
        ("<rain& all>@", r"an event must follow the '@', at character 13"),
        ("@<rain& all>", r"must begin with '<', at character 1"),
        ("<rain& all>@@<a dog& end>", r"must begin with '<', at character 13"),
        ("<rain>", r"no '& position', at character 1"),
        ("<rain& later>", r"the position must be all, start, mid or end, got 'later', at character 7"),
        ("<rain&>", r"got ''"),
        ("<& all>", r"describes nothing, at character 1"),
        ("< & all>", r"describes nothing"),
        ("<rain& all>.", r"joined by '@', at character 12, '\.'"),
    ],
)
def test_what_is_not_the_grammar_is_refused(text, message):
    with pytest.raises(ValueError, match=f"not a structured caption: .*{message}"):
        parse(text)


def test_a_long_text_takes_no_time():
    words = "word " * 100_000
    assert parse(whole(words)) == [(words, "all")]
    with pytest.raises(ValueError, match="does not end"):
        parse("<" + "\\" * 100_001)


def test_what_cannot_be_an_event_is_not_written():
    with pytest.raises(ValueError, match="position 'later' of 'rain' must be all, start, mid or end"):
        write([("rain", "later")])
    with pytest.raises(ValueError, match="must have words"):
        write([(" ", "all")])


def test_the_plain_words():
    assert plain(parse("<a dog barks& start>@<rain & all>")) == "a dog barks, rain"
    assert plain([]) == ""


def test_a_sample_without_a_structure_gets_that_of_its_caption():
    assert structured_or_whole("<rain&end>", "a caption") == ("<rain& end>", False)
    for text in (None, "", " ", "<broken& structure", "<& all>"):
        assert structured_or_whole(text, "a caption") == ("<a caption& all>", True)
    assert structured_or_whole(None, "") == ("", True)
