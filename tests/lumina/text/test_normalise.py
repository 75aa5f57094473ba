"""What is written out, and what stays to the letter."""

import random
import re

import pytest

from lumina.text.normalise import normalise
from lumina.text.structured import POSITIONS, parse, write

pytest.importorskip("wetext")

WRITTEN = [
    ("A train passes at 3 km/h.", "A train passes at three kilometers per hour."),
    ("it honks 5 times", "it honks five times"),
    ("1,000 people clap", "one thousand people clap"),
    ("1000 bees and 12,345 ants", "one thousand bees and twelve thousand three hundred and forty five ants"),
    ("pi is 3.14", "pi is three point one four"),
    ("-5 °C outside", "negative five degrees Celsius outside"),
    ("a 70°F day", "a seventy degrees Fahrenheit day"),
    ("$5", "five dollars"),
    ("It costs $12.50.", "It costs twelve dollars and fifty cents."),
    ("€20 or £3.05, or ¥100", "twenty euros or three pounds and five pence, or one hundred yen"),
    ("$3 million", "three million dollars"),
    ("$1,234,567", "one million two hundred thirty four thousand five hundred and sixty seven dollars"),
    ("On January 5, 2021 it rained", "On the fifth of January, twenty twenty one it rained"),
    ("5 May 1999", "the fifth of May, nineteen ninety nine"),
    ("on May 5th and the 12 Sept.", "on the fifth of May and the twelfth of September"),
    ("2021-01-05", "the fifth of january twenty twenty one"),
    ("05/01/2021", "the first of may twenty twenty one"),
    ("at 3:30 pm, not 15:45", "at three thirty PM, not fifteen forty five"),
    ("9 a.m. bells", "nine AM bells"),
    ("the 5th of a 21st", "the fifth of a twenty first"),
    ("1/2 of the crowd", "one half of the crowd"),
    ("2 1/2 bars", "two and a half bars"),
    ("50% louder, 12.5% slower", "fifty percent louder, twelve point five percent slower"),
    ("a sonata in C# minor", "a sonata in C sharp minor"),
    ("F#m, B♭ and Eb major", "F sharp minor, B flat and E flat major"),
    ("at 120 BPM", "at one hundred and twenty beats per minute"),
    ("1 bpm", "one beat per minute"),
    ("44.1 kHz and 60 dB", "forty four point one kilohertz and sixty decibels"),
    ("5 m/s over 10 m", "five meters per second over ten meters"),
    ("10 kg, 3.5 mm, 5 lbs", "ten kilograms, three point five millimeters, five pounds"),
    ("100 Hz for 0.5 s", "one hundred hertz for zero point five seconds"),
    ("2-3 seconds", "two to three seconds"),
    ("a 10s clip", "a ten seconds clip"),
    ("4/4 beat, 3/4 waltz, 6/8 time", "four four beat, three four waltz, six eight time"),
    ("a store open 24/7", "a store open twenty four seven"),
    ("in 1999", "in nineteen ninety nine"),
    ("a 1980s synth", "a nineteen eighties synth"),
    ("the 90s, the '80s, the 2000s", "the nineties, the eighties, the two thousands"),
    ("Call 555-1234", "Call five five five, one two three four"),
    ("(800) 555-0199", "eight zero zero, five five five, zero one nine nine"),
    ("#1 hit", "number one hit"),
    ("Op. 27 No. 2", "opus twenty seven number two"),
    ("Dr. Smith and Mrs. Jones", "Doctor Smith and Missus Jones"),
    ("at 12 Elm St. they sing", "at twelve Elm Street they sing"),
    ("St. Paul bells", "Saint Paul bells"),
    ("drums vs. bass, e.g. a duel, etc.", "drums versus bass, for example a duel, et cetera"),
    ("wind & rain", "wind and rain"),
    ("a 3-year-old laughs", "a three-year-old laughs"),
    ("(2 dogs)", "(two dogs)"),
    ("9:05 and 12:00.", "nine o five and twelve o'clock."),
]

SAME = [
    "",
    "a dog barks",
    "a 🎵 melody 🎶",
    "日本語のテキスト 5",
    "Привет, 5 км",
    "naïve café",
    'a "quoted" word, it\'s (in) [brackets] {braces} \\ back',
    " leading and  double  spaces \n and lines\t",
    "a TB-303 bass line, an mp3 of COVID-19",
    "R&B",
    "www.example.com/12 and a@b.com and http://x.org/3?a=5",
    "€1,50",
    "1920x1080",
    "Ab-solutely, Bbb",
    "version 1.2.3 of 10.0.0.1",
    "5歳",
    "a1 2b 3_4",
    "5'10\"",
    "٣ dogs",
]


@pytest.mark.parametrize(("text", "expected"), WRITTEN)
def test_what_is_written_out(text, expected):
    assert normalise(text) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize("text", SAME)
def test_what_stays_to_the_letter(text):
    assert normalise(text) == text


def test_no_text_is_lost():
    """Whatever stands between numbers: words come out in order, and marks that are no part of a number stay."""
    generator = random.Random(0)
    pieces = [text for text, _ in WRITTEN] + SAME + list("&@<>#$%°'’\"\\/-.,:; ") + ["word", "🎶", "999999999999999"]
    for _ in range(400):
        chosen = [generator.choice(pieces) for _ in range(4)]
        text = f"alpha {' '.join(chosen[:2])} omega {' '.join(chosen[2:])} end"
        result = normalise(text)
        assert re.search(r"alpha .*omega .*end$", result, re.DOTALL), text
        for mark in '"\\<>🎶🎵語':
            assert result.count(mark) == text.count(mark), text


def test_a_structured_caption_keeps_its_structure():
    assert normalise("<2 dogs & 1 cat& start>@<3 honks& end>") == "<two dogs and one cat& start>@<three honks& end>"
    generator = random.Random(1)
    for _ in range(400):
        texts = [
            generator.choice(
                [*(text for text, _ in WRITTEN), *(text for text in SAME if text.isascii() and text.strip())]
            )
            for _ in range(2)
        ]
        events = [(f"{text}{generator.choice(['', ' '])}", generator.choice(POSITIONS)) for text in texts]
        assert parse(normalise(write(events))) == [(normalise(text), position) for text, position in events]


def test_a_long_text_takes_no_time():
    assert normalise("word 5 " * 10_000).count("five") == 10_000
    text = "1" * 20_000 + " 1,1" * 5_000 + "#" * 5_000
    assert normalise(text) == text
