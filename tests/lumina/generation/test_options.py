"""The options of a model, once it is known which model."""

import pytest

from lumina.commands.sample import model_of
from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from lumina.config.parser import ShortErrorParser
from lumina.generation.options import parsed
from lumina.generation.wishes import Wishes
from modalities.image import Image

MODEL = Wishes(Image, [TextConditioner, LabelConditioner])


def test_the_model_is_found_among_options_that_are_not_known_yet():
    assert model_of(["--points", "9", "--weights", "emoji", "--prompt=--x"]) == ("emoji", None)
    assert model_of(["--ckpt_path=runs/a", "--base", "b"]) == ("runs/a", "b")
    assert model_of(["--prompt", "a"]) is None
    with pytest.raises(ValueError, match="give one of them"):
        model_of(["--weights=a", "--ckpt_path=b"])


def test_texts_are_literal_and_everything_else_has_its_type():
    words = ["--prompt", "42", "--prompt", "[a]", "--label=[cat,3]", "--negative", "x: y", "--size=8x16", "--steps=3"]
    what, how, others = parsed(ShortErrorParser(), [*words, "--seed=5"], MODEL)
    given = {"prompt": ["42", "[a]"], "label": ["cat", 3], "negative": "x: y", "size": "8x16"}
    assert (what.wishes, what.seed, how.steps) == (given, 5, 3) and not {"prompt", "steps", "seed"} & set(others)


def test_an_option_of_another_model_is_told_apart_from_a_typing_error(capsys):
    with pytest.raises(ValueError, match=r"--points was given, but this model is of Image .* it is for PointCloud"):
        parsed(ShortErrorParser(), ["--points=9"], MODEL)
    with pytest.raises(SystemExit):
        parsed(ShortErrorParser(), ["--promt=a"], MODEL)
    assert "Did you mean 'prompt'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["--label", "cat", "--label=dog"], r"--label was given 2 times: list the values: --label=\[A,B\]"),
        (["--size=8x8", "--size=4x4"], "--size was given 2 times: give it once"),
        (["--guidance", "3", "--guidance.prompt=2"], "--guidance was given .* give one of both"),
    ],
)
def test_a_repeated_option_is_refused_where_it_would_replace_the_first(words, remedy):
    with pytest.raises(ValueError, match=remedy):
        parsed(ShortErrorParser(), words, MODEL)
