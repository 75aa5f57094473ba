"""What files and pages say of a sample."""

from types import SimpleNamespace

import torch

from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from lumina.generation.description import describe
from lumina.generation.requests import Regions, Request
from modalities.image import Image


def model(*conditioners):
    return SimpleNamespace(modality=Image((8, 8)), conditioners=conditioners)


def text():
    return TextConditioner(SimpleNamespace(dim=4))


def test_text_and_class():
    labels = LabelConditioner(classes=["cat", "dog"])
    asked = {"prompt": "a pet", "negative": "dull", "label": 1, "size": (8, 16)}
    found = describe(model(text(), labels), Request(asked=asked, seed=3))
    assert found.record == {
        "prompt": "a pet", "negative": "dull", "label": 1, "class": "dog", "size": "8x16", "seed": 3,
    }  # fmt: skip
    assert list(found.record)[-1] == "seed"
    assert (found.words, found.away) == (["a pet", "dog"], ["dull"])
    assert found.facts == {"label": 1, "class": "dog", "size (HEIGHTxWIDTH)": "8x16", "seed": 3}


def test_classes_that_are_but_numbered():
    digits, unnamed = LabelConditioner(classes=["0", "1"]), LabelConditioner(2)
    assert describe(model(digits), Request(asked={"label": 1})).record == {"label": 1}
    assert describe(model(digits), Request(asked={"label": 1})).words == ["1"]
    assert describe(model(unnamed), Request(asked={"label": 1})).words == ["label 1"]


def test_regions_and_two_conditioners_of_one_text():
    found = describe(model(text(), text()), Request(asked={"prompt": Regions(("a", "b"))}))
    assert found.record == {"prompt": ["a", "b"]} and found.words == ["a", "b"]


def test_nothing_is_asked():
    assert describe(model(), Request()).record == {} and not describe(model(), Request()).words


def test_gathered_labels_are_a_tensor():
    assert torch.equal(LabelConditioner(3).gather([2, 0]), torch.tensor([2, 0]))
