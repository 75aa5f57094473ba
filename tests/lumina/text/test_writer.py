"""What a language model is asked, and which of its answers are taken."""

import pytest

from lumina.text.structured import parse
from lumina.text.writer import EXAMPLES, checked, messages

CAPTION = "A dog barks and a train passes by"


def test_the_chat_alternates_and_ends_with_the_caption():
    chat = messages(CAPTION)
    assert [message["role"] for message in chat] == ["user", "assistant"] * len(EXAMPLES) + ["user"]
    assert chat[-1]["content"] == CAPTION
    assert "<description& position>" in chat[0]["content"]


@pytest.mark.parametrize(("caption", "answer"), EXAMPLES)
def test_the_examples_are_good_answers(caption, answer):
    assert checked(answer, caption) == answer and parse(answer)


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ("<a dog barks& start>@<a train passes by& end>", "<a dog barks& start>@<a train passes by& end>"),
        (
            "Sure! Here it is:\n`<dog barking&start>@<train passing& all>`\n",
            "<dog barking& start>@<train passing& all>",
        ),
        ("<a dog barks as a train passes& all>.", "<a dog barks as a train passes& all>"),
    ],
)
def test_answers_that_are_taken(answer, taken):
    assert checked(answer, CAPTION) == taken


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "there is no <event>"),
        ("a dog barks, then a train", "there is no <event>"),
        ("<broken& structure", "there is no <event>"),
        ("<a dog barks& begin>", "the position must be all, start, mid or end, got 'begin'"),
        ("<a dog barks& start>, <a train passes& end>", "joined by '@'"),
        ("<a siren wails& all>", "the caption has no event 'a siren wails'"),
        ("<a dog barks& start>@<a siren wails& end>", "the caption has no event 'a siren wails'"),
        ("<train& all>", "leaves more than half of the caption's words out"),
    ],
)
def test_answers_that_are_not_taken(answer, why):
    with pytest.raises(ValueError, match=why):
        checked(answer, CAPTION)


def test_captions_of_other_scripts_and_of_no_words():
    assert checked("<犬が吠える& all>", "犬が吠える") == "<犬が吠える& all>"
    with pytest.raises(ValueError, match="no event"):
        checked("<a dog& all>", "犬が吠える")
    assert checked("<🎵& all>", "🎵!") == "<🎵& all>"
