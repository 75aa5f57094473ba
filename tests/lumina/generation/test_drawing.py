"""Which samples are drawn together, from what noise, and how their settings are spelt."""

import pytest
import torch

from lumina.backbone import NextDiTConfig
from lumina.conditioning.label import LabelConditioner
from lumina.generation import drawing
from lumina.generation.requests import Request
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.guidance import ClassifierFree
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Rational
from lumina.sampling.solvers import Euler
from modalities.image import Image


@pytest.fixture(scope="module")
def module():
    backbone = NextDiTConfig(dim=16, num_layers=1, num_heads=2, multiple_of=8)
    return LuminaModule(Image((8, 8), channels=1), backbone, FlowMatching(), [LabelConditioner(3)])


REQUESTS = [Request(asked={} if size is None else {"size": size}) for size in (None, (4, 8), None, (4, 8), None)]


@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_samples_on_like_canvases_go_together(module, batch_size):
    found = list(drawing.parts(module, REQUESTS, batch_size))
    assert sorted(place for part in found for place in part.places) == list(range(5))
    assert [part.places for part in found] == {
        None: [[0, 2, 4], [1, 3]], 1: [[0], [2], [4], [1], [3]], 2: [[0, 2], [4], [1, 3]],
    }[batch_size]  # fmt: skip
    for part in found:
        assert part.requests == [REQUESTS[place] for place in part.places]
        tokens = 8 if part.places[0] in (1, 3) else 16
        assert part.canvas.features.shape == (len(part.places), tokens, 4)


def test_so_many_as_have_the_tokens_of_a_batch(module, monkeypatch):
    monkeypatch.setattr(drawing, "TOKENS_AT_ONCE", 40)  # two of 16 tokens, five of 8; never less than one
    assert [len(part.places) for part in drawing.parts(module, REQUESTS)] == [2, 1, 2]
    monkeypatch.setattr(drawing, "TOKENS_AT_ONCE", 3)
    assert [len(part.places) for part in drawing.parts(module, REQUESTS)] == [1] * 5


class Cropped(Image):
    """Pictures on a canvas of whole cells, of which decoding keeps the height that was asked for."""

    def fields(self, count, request):
        return {"height": [request.get("size", self.size)[0] - 1] * count}

    def decode(self, outputs, batch):
        pictures = super().decode(outputs, batch)
        return [picture[:, :height] for picture, height in zip(pictures, batch["height"], strict=True)]


def test_decoding_knows_what_was_asked_for(module):
    backbone = NextDiTConfig(dim=16, num_layers=1, num_heads=2, multiple_of=8)
    cropped = LuminaModule(Cropped((8, 8), channels=1), backbone, FlowMatching(), [LabelConditioner(3)])
    requests = [Request(asked={**request.asked, "label": 1}, seed=0) for request in REQUESTS]
    drawn, sampler = {}, Sampler(Rational(), Euler(), 1)
    for part in drawing.parts(cropped, requests, 2):
        drawn |= zip(part.places, drawing.draw_part(cropped, part, sampler=sampler), strict=True)
    assert [tuple(drawn[place].shape) for place in range(5)] == [(1, 7, 8), (1, 3, 8)] * 2 + [(1, 7, 8)]


def test_noise_is_a_samples_own(module):
    canvas = module.modality.layout(3, {})
    noise = drawing.noise_of([Request(seed=3), Request(seed=4), Request(seed=3)], canvas)
    assert noise.shape == canvas.features.shape and noise.dtype == torch.float32
    assert torch.equal(noise[0], noise[2]) and not torch.equal(noise[0], noise[1])
    assert torch.equal(drawing.noise_of([Request(seed=4)], canvas)[0], noise[1])


def test_noise_is_normal(module):
    canvas = module.modality.layout(1, {"size": (64, 64)})
    noise = drawing.noise_of([Request(seed=seed) for seed in range(9)], canvas)
    assert noise.mean().abs() < 0.03 and (noise.std() - 1).abs() < 0.03


@pytest.mark.parametrize(
    ("part", "spelt"),
    [
        (Rational(sigma=3.0), "Rational(sigma=3.0)"),
        (Euler(), "Euler()"),
        (ClassifierFree(4.0), "ClassifierFree(scale=4.0)"),
    ],
)
def test_parts_are_spelt_as_they_are_written(part, spelt):
    assert drawing._spelt(part) == spelt
