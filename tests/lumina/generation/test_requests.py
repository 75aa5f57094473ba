"""Samples that are asked for, each with a seed of its own."""

import pytest
from tiny_text import Letters
from tiny_view_models import model_of_views

from lumina.conditioning.azimuths import ViewAzimuths
from lumina.conditioning.text import TextConditioner
from lumina.generation.requests import Request, completed, numbered


def test_each_sample_has_its_own_seed():
    asked = [Request(), Request(seed=70), Request()]
    assert [request.seed for request in numbered(asked, 2, 5)] == [5, 6, 70, 71, 9, 10]
    with pytest.raises(ValueError, match="seed=-1"):
        numbered(asked, 1, -1)


def test_what_is_asked_of_some_wishes():
    request = Request(asked={"size": (8, 8), "prompt": "a", "negative": None})
    assert request.only(["size", "negative", "points"]) == {"size": (8, 8)}
    assert request.also("prompt", "b").asked["prompt"] == "b" and request.asked["prompt"] == "a"


def test_a_prompt_is_needed_unless_another_condition_may_be_left_out():
    """With a reference, which is optional, so is the prompt: nothing at all may be asked for."""
    (sample,) = completed(model_of_views(), [Request()])
    assert sample.asked == {"prompt": None, "reference": None}
    with pytest.raises(ValueError, match=r"trained with 'caption': say what to draw with --prompt or --prompts\."):
        completed(model_of_views(TextConditioner(Letters()), ViewAzimuths()), [Request()])
