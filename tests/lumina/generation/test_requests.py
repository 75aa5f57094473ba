"""Samples that are asked for, each with a seed of its own."""

import pytest

from lumina.generation.requests import Request, numbered


def test_each_sample_has_its_own_seed():
    asked = [Request(), Request(seed=70), Request()]
    assert [request.seed for request in numbered(asked, 2, 5)] == [5, 6, 70, 71, 9, 10]
    with pytest.raises(ValueError, match="seed=-1"):
        numbered(asked, 1, -1)


def test_what_is_asked_of_some_wishes():
    request = Request(asked={"size": (8, 8), "prompt": "a", "negative": None})
    assert request.only(["size", "negative", "points"]) == {"size": (8, 8)}
    assert request.also("prompt", "b").asked["prompt"] == "b" and request.asked["prompt"] == "a"
