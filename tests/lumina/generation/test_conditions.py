"""What each sample is told, and what guidance leads it away from."""

import pytest
import torch
from tiny_text import Letters
from tiny_view_models import model_of_views

from lumina.backbone import NextDiTConfig
from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from lumina.generation.conditions import conditions, fields
from lumina.generation.requests import Regions, Request
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.guidance import ClassifierFree, PerCondition
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler
from modalities.image import Image

CPU = torch.device("cpu")
NO_CLASS = 3  # the row behind the classes


def model(*conditioners):
    backbone = NextDiTConfig(dim=16, num_layers=1, num_heads=2, multiple_of=8)
    return LuminaModule(Image((8, 8)), backbone, FlowMatching(), list(conditioners))


@pytest.fixture
def both():
    return model(TextConditioner(Letters()), LabelConditioner(3))


def told(module, *asked, grid=None):
    requests = [Request(asked=one) for one in asked]
    return conditions(module, requests, module.modality.layout(len(asked), {}), grid)


def rows(module, *labels):
    return module.conditioners[1].table.weight[list(labels)]


def text(module, *captions):
    return module.conditioners[0](captions, torch.tensor([True] * len(captions))).cross


def test_what_is_not_asked_is_the_null_condition(both):
    cond, null = told(both, {"prompt": "cat", "label": 1}, {"prompt": "dog"})
    assert torch.equal(cond.pooled, rows(both, 1, NO_CLASS))
    assert torch.equal(cond.cross, text(both, "cat", "dog"))
    assert torch.equal(null.pooled, rows(both, NO_CLASS, NO_CLASS))
    assert torch.equal(null.cross, text(both, "", ""))


def test_a_sample_is_led_away_from_what_it_avoids_and_nothing_else(both):
    """Beside what it avoids, guidance sees the sample's other conditions; a neighbour that avoids nothing the null."""
    _, null = told(both, {"prompt": "cat", "label": 1, "negative": "dog"}, {"prompt": "cow", "label": 2})
    assert torch.equal(null.pooled, rows(both, 1, NO_CLASS))
    assert torch.equal(null.cross[0], text(both, "dog")[0])
    assert null.cross_mask.sum(1).tolist() == [4, 1]


def test_regions_have_texts_of_their_own():
    module = model(TextConditioner(Letters()))
    cond, null = told(module, {"prompt": Regions(("a", "b", "c", "d"))}, grid=(2, 2))
    assert torch.equal(cond.cross[0], torch.cat([text(module, caption)[0] for caption in "abcd"]))
    assert cond.cross_regions[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert cond.regions[0].view(4, 4)[::3, ::3].tolist() == [[0, 1], [2, 3]]
    assert null.regions is None


def test_fields_are_those_of_a_batch(both):
    batch = fields(both, [Request(asked={"prompt": "cat", "label": 1}), Request(asked={"prompt": "dog", "label": 0})])
    assert list(batch["caption"]) == ["cat", "dog"]
    assert batch["label"].tolist() == [1, 0]


def test_what_describes_the_canvas_is_told_in_any_case():
    """Of the fields of the canvas, not of wishes; guidance leads away from conditions, not from the canvas."""
    module = model_of_views()
    canvas = module.modality.fields(2, {"views": 2})
    requests = [Request(asked={"prompt": "cat"}), Request()]
    cond, null = conditions(module, requests, module.modality.layout(2, {"views": 2}), None, canvas)
    assert torch.equal(cond.grouped, module.conditioners[1](canvas["azimuths"], torch.tensor([True, True])).grouped)
    assert torch.equal(null.grouped, cond.grouped)
    assert cond.prefix is None
    assert list(fields(module, requests)) == ["caption", "reference"]


def test_conditions_are_told_apart_by_their_wishes(both):
    cond, null = told(both, {"prompt": "cat", "label": 1}, {"prompt": "dog"})
    part = cond.without(frozenset({"prompt"}))
    assert torch.equal(part.pooled, rows(both, 1, NO_CLASS)) and torch.equal(part.cross, text(both, "", ""))
    none = cond.without(frozenset({"prompt", "label"}))
    assert torch.equal(none.pooled, null.pooled) and torch.equal(none.cross, null.cross)
    with pytest.raises(ValueError, match=r"a scale for reference, but this model's conditions are label, prompt"):
        cond.without(frozenset({"reference"}))


def test_what_is_to_be_avoided_stands_for_what_is_left_out(both):
    cond, _ = told(both, {"prompt": "cat", "label": 1, "negative": "dog"})
    part = cond.without(frozenset({"prompt", "label"}))
    assert torch.equal(part.cross, text(both, "dog")) and torch.equal(part.pooled, rows(both, NO_CLASS))


def test_a_batch_tells_its_conditions_apart_too(both):
    batch = {"caption": ["cat", "dog"], "label": torch.tensor([1, 0])}
    cond = both.conditioners.conditions(batch, 2, CPU)
    part = cond.without(frozenset({"label"}))
    assert torch.equal(part.pooled, rows(both, NO_CLASS, NO_CLASS)) and torch.equal(part.cross, cond.cross)


def test_a_reference_and_a_prompt_have_guidance_of_their_own():
    """The samples of a model with views, whose azimuths are told in any case."""
    module = model_of_views()
    batch = {"caption": ["cat", ""], "reference": torch.rand(2, 3, 4, 6), **module.modality.fields(2, {"views": 2})}
    canvas, noise = module.modality.layout(2, {"views": 2}), torch.randn(2, 12, 12)

    def drawn(guidance):
        sampler = Sampler(Uniform(), Euler(), 2, guidance)
        return module.generate(canvas, batch, noise=noise, sampler=sampler)

    same = drawn(PerCondition({"reference": 2.0, "prompt": 2.0}))
    torch.testing.assert_close(same, drawn(ClassifierFree(2.0)), atol=1e-5, rtol=1e-4)
    other = drawn(PerCondition({"reference": 2.0, "prompt": 6.0}))
    assert (other[0] - same[0]).abs().max() > 0.01
    torch.testing.assert_close(other[1], same[1], atol=1e-5, rtol=1e-4)  # which has no prompt
