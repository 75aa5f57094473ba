"""A plain caption and a structured one: what each sees of what users give."""

import json

import pytest
import torch
from tiny_text import Letters

from lumina.backbone import NextDiTConfig
from lumina.conditioning.structured import PlainText, StructuredText
from lumina.generation.conditions import conditions
from lumina.generation.description import describe
from lumina.generation.requests import Regions
from lumina.generation.what import What
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from modalities.image import Image

EVENTS = "<a dog barks& start>@<rain& all>"


def model(*conditioners):
    backbone = NextDiTConfig(dim=16, num_layers=1, num_heads=2, multiple_of=8)
    return LuminaModule(Image((8, 8)), backbone, FlowMatching(), list(conditioners))


def both():
    return model(PlainText(Letters(4), width=6), StructuredText(Letters(), width=6))


def alone():
    return model(StructuredText(Letters()))


def asked(module, **wishes):
    (request,) = What(**wishes).requests(module)
    return dict(request.asked)


@pytest.mark.parametrize(
    ("given", "prompt", "structured"),
    [
        ({"prompt": "a dog"}, "a dog", "<a dog& all>"),
        ({"prompt": "R&B <3"}, "R&B <3", r"<R&B \<3& all>"),
        ({"prompt": EVENTS}, "a dog barks, rain", EVENTS),
        ({"prompt": "<broken& structure"}, "<broken& structure", r"<\<broken& structure& all>"),
        ({"structured": EVENTS}, "a dog barks, rain", EVENTS),
        ({"structured": " <a dog&START> "}, "a dog", "<a dog& start>"),
        ({"prompt": "a dog", "structured": EVENTS}, "a dog", EVENTS),
        ({"prompt": "a dog", "structured": ""}, "a dog", "<a dog& all>"),
        ({"prompt": ""}, "", ""),
        ({"prompt": "🎵 " * 9}, "🎵 " * 9, f"<{'🎵 ' * 9}& all>"),
    ],
)
def test_one_prompt_serves_both(given, prompt, structured):
    assert asked(both(), **given) == {"prompt": prompt, "structured": structured}
    assert asked(alone(), **given)["structured"] == structured


def test_a_structure_that_is_broken_is_refused_as_an_option_and_in_a_file(tmp_path):
    with pytest.raises(ValueError, match=r"not a structured caption: .* at character 1, '<broken& structure'"):
        asked(both(), structured="<broken& structure")
    file = tmp_path / "prompts.jsonl"
    file.write_text(json.dumps({"prompt": "a", "structured": "rain"}) + "\n")
    with pytest.raises(ValueError, match=r"line 1 of .*prompts\.jsonl: not a structured caption"):
        What(prompts=file).requests(both())


def test_a_file_of_prompts_has_both(tmp_path):
    file = tmp_path / "prompts.jsonl"
    records = [{"prompt": "a dog", "structured": EVENTS}, {"prompt": "rain"}, {"structured": EVENTS}]
    file.write_text("\n".join(map(json.dumps, records)))
    requests = What(prompts=file).requests(both())
    assert [one.asked["prompt"] for one in requests] == ["a dog", "rain", "a dog barks, rain"]
    assert [one.asked["structured"] for one in requests] == [EVENTS, "<rain& all>", EVENTS]


@pytest.mark.parametrize("make", [both, alone])
def test_a_line_of_a_text_file_is_a_prompt(tmp_path, make):
    (tmp_path / "prompts.txt").write_text("rain\n")
    (request,) = What(prompts=tmp_path / "prompts.txt").requests(make())
    assert request.asked["structured"] == "<rain& all>"


def test_regions_have_structures_of_their_own():
    told = asked(both(), prompt=["a", EVENTS], compose="1x2")
    assert told == {
        "prompt": Regions(("a", "a dog barks, rain")),
        "structured": Regions(("<a& all>", EVENTS)),
    }
    assert asked(alone(), prompt=["a", "b"], compose="1x2")["structured"] == Regions(("<a& all>", "<b& all>"))


def test_samples_are_led_away_from_both_forms_of_what_they_avoid():
    module = both()
    for negative, words, events in (("hum", "hum", "<hum& all>"), (EVENTS, "a dog barks, rain", EVENTS)):
        requests = What(prompt="a dog", negative=negative).requests(module)
        _, null = conditions(module, requests, module.modality.layout(1, {}), None)
        keep = torch.tensor([True])
        expected = [part([text], keep).cross for part, text in zip(module.conditioners, (words, events), strict=True)]
        assert torch.equal(null.cross, torch.cat(expected, 1))


def test_nothing_asked_is_refused_with_the_option_to_give():
    with pytest.raises(ValueError, match="--prompt or --prompts"):
        asked(both())
    with pytest.raises(ValueError, match="--structured or --prompts"):
        asked(alone())


def test_people_read_words_once():
    module = both()
    (plain,) = What(prompt="a dog").requests(module)
    (timed,) = What(prompt="a dog", structured=EVENTS).requests(module)
    assert describe(module, plain).words == ["a dog"]
    assert describe(module, timed).words == ["a dog", EVENTS]
    assert describe(module, timed).record == {"prompt": "a dog", "structured": EVENTS, "seed": 0}
    assert module.conditioners.words({"caption": ["a dog"], "structured": ["<a dog& all>"]}) == ["a dog"]
    assert StructuredText(Letters()).words(["no structure", EVENTS]) == ["no structure", EVENTS]
