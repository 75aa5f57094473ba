"""Azimuths of views as a condition of the canvas."""

from __future__ import annotations

import pytest
import torch
from tiny_view_models import awake, model_of_views

from lumina.backbone import NextDiTConfig
from lumina.conditioning.azimuths import ViewAzimuths
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.randomness import Purpose, keyed_generator
from modalities.image import Image

KEEP = torch.tensor([True, True])


@pytest.fixture
def azimuths():
    conditioner = ViewAzimuths()
    conditioner.build(8)
    return conditioner


def test_nothing_is_added_at_first(azimuths):
    grouped = azimuths(torch.tensor([[0.0, 45, 90], [0, 120, 240]]), KEEP).grouped
    assert grouped.shape == (2, 3, 8)
    assert not grouped.any()


def test_a_full_turn_changes_no_bit(azimuths):
    awake(azimuths)
    degrees = torch.tensor([[0.0, 33, 90], [0, 120.25, 270]])
    told = azimuths(degrees, KEEP).grouped
    assert torch.equal(azimuths(degrees + 360, KEEP).grouped, told)
    assert torch.equal(azimuths(degrees - 720, KEEP).grouped, told)
    assert not torch.equal(azimuths(degrees + 45, KEEP).grouped, told)


def test_samples_of_different_numbers_of_views(azimuths):
    awake(azimuths)
    mixed = azimuths([torch.tensor([0.0, 45, 90]), torch.tensor([0.0, 120])], KEEP).grouped
    alone = azimuths(torch.tensor([[0.0, 120]]), KEEP[:1]).grouped
    assert mixed.shape == (2, 3, 8)
    torch.testing.assert_close(mixed[1, :2], alone[0])


def test_azimuths_are_finite(azimuths):
    with pytest.raises(ValueError, match=r"azimuths of sample 1 are .*nan.*: give finite degrees"):
        azimuths.check(torch.tensor([[0.0, 1], [0, float("nan")]]))


def test_azimuths_are_never_dropped():
    module = model_of_views(ViewAzimuths())
    batch = module.modality.example_batch(64)
    told = module.conditioners.conditions(batch, 64, torch.device("cpu")).grouped
    assert told.abs().max() > 0.1
    null = module.conditioners.conditions(batch, 64, torch.device("cpu"), keep=False).grouped
    assert torch.equal(null, told)
    trained = module.conditioners.train_conditions(batch, 64, keyed_generator(Purpose.TRAINING, 0)).grouped
    assert torch.equal(trained, told)


def test_examples_are_those_of_the_canvas():
    module = model_of_views(ViewAzimuths(), views=4)
    assert module.conditioners[0].example(2).tolist() == [[0, 90, 180, 270]] * 2
    with pytest.raises(ValueError, match="needs a modality of views"):
        ViewAzimuths().example(2)


def test_a_modality_without_azimuths_is_refused():
    with pytest.raises(ValueError, match="reads 'azimuths' of the canvas, but canvases of Image have no fields"):
        LuminaModule(Image((8, 8)), NextDiTConfig(dim=16, num_layers=1, num_heads=2), FlowMatching(), [ViewAzimuths()])
