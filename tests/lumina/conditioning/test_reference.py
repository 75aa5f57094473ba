"""A reference view beside the noisy ones."""

from __future__ import annotations

import pytest
import torch
from PIL import Image as Pictures
from tiny_view_models import awake, model_of_views

from datamodules.multiview import MultiViewFolder
from lumina.backbone import NextDiTConfig
from lumina.conditioning.reference import ReferenceView
from lumina.frozen.autoencoders import RandomAutoencoder
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from modalities.image import Image
from modalities.multiview import MultiView

CPU = torch.device("cpu")


def prefix(module, pictures):
    return module.conditioners.conditions({"reference": pictures}, len(pictures), CPU).prefix


def test_it_is_made_of_the_tokens_of_a_view():
    module = model_of_views(ReferenceView())
    pictures = torch.rand(2, 3, 4, 6) * 2 - 1
    clean = prefix(module, pictures)
    assert torch.equal(module.modality.decode(clean.tokens, {})[:, 0], pictures)
    first = module.modality.layout(2, {"views": 1})
    assert torch.equal(clean.tokens.positions, first.positions)
    assert torch.equal(clean.grouped[0, 0], module.conditioners[0].vector)


@pytest.mark.parametrize("background", [(255, 255, 255), (0.5, -0.1, 0.5), (float("nan"), 0, 0)])
def test_a_background_out_of_its_range_is_refused(background):
    with pytest.raises(ValueError, match=r"Got background .*: set red, green and blue from 0 to 1"):
        ReferenceView(background=background)


def test_it_is_compressed_as_views_are():
    modality = MultiView((16, 32), autoencoder=RandomAutoencoder())
    module = LuminaModule(modality, NextDiTConfig(dim=24, num_layers=1, num_heads=2), FlowMatching(), [ReferenceView()])
    pictures = torch.rand(2, 3, 16, 32)
    latents = modality.compress({"views": pictures[:, None]})
    torch.testing.assert_close(prefix(module, pictures).tokens.features, modality.tokenize(latents, {}).features)


@pytest.mark.parametrize(("told", "times"), [("clean", (1.0,)), ("time", (None,))])
def test_what_time_it_is_told(told, times):
    assert prefix(model_of_views(ReferenceView(told=told)), torch.zeros(1, 3, 4, 6)).times == times


def test_its_vector_is_learnt():
    module = model_of_views(ReferenceView())
    batch = {**module.modality.example_batch(2), "reference": torch.rand(2, 3, 4, 6)}
    tokens, cond = module.tokens(batch), module.conditioners.conditions(batch, 2, CPU)
    module.backbone.predict(tokens, torch.rand(2), cond).square().mean().backward()
    assert module.conditioners[0].vector.grad.any()


def test_files_come_at_the_size_of_views(tmp_path):
    module = model_of_views(ReferenceView())
    Pictures.new("RGB", (30, 20), (255, 0, 0)).save(tmp_path / "red.png")
    pictures = module.conditioners[0].gather([tmp_path / "red.png"] * 2)
    assert pictures.shape == (2, 3, 4, 6)
    assert pictures[1, :, 2, 3].tolist() == [1, -1, -1]
    assert module.conditioners[0].record(tmp_path / "red.png") == {"reference": str(tmp_path / "red.png")}


def test_other_modalities_and_shapes_are_refused():
    with pytest.raises(ValueError, match="a reference goes with a modality of views, not Image"):
        LuminaModule(Image((8, 8)), NextDiTConfig(dim=16, num_layers=1, num_heads=2), FlowMatching(), [ReferenceView()])
    with pytest.raises(ValueError, match=r"one picture a sample, \[B, C, H, W\], got the shape \(2, 1, 3, 4, 6\)"):
        model_of_views(ReferenceView()).conditioners[0].check(torch.zeros(2, 1, 3, 4, 6))
    alone = awake(ReferenceView())
    with pytest.raises(ValueError, match="call connect"):
        alone(torch.zeros(1, 3, 4, 6), torch.tensor([True]))


def test_a_file_is_put_before_the_background_of_the_data(tmp_path):
    file, asked = tmp_path / "clear.png", []
    Pictures.new("RGBA", (8, 8), (255, 0, 0, 128)).save(file)
    for background in ("grey", "random"):
        module = model_of_views(ReferenceView())
        data = MultiViewFolder(tmp_path, size=8, batch_size=2, reference_background=background)
        taken = module.conditioners[0].resolve(data)
        again = ReferenceView(**taken)
        again.connect(module.modality)
        assert torch.equal(again.gather([file]), module.conditioners[0].gather([file]))
        asked.append(again.gather([file])[0, :, 0, 0])
    grey, white = 128 / 255 * 2 - 1, 1.0
    torch.testing.assert_close(asked, [torch.full((3,), grey), torch.full((3,), white)])


def test_a_file_that_has_changed_is_read_anew(tmp_path):
    conditioner, seen = model_of_views(ReferenceView()).conditioners[0], []
    for level in (0, 255):
        Pictures.new("L", (9, 9), level).save(tmp_path / "object.png")
        seen.append(conditioner.gather([tmp_path / "object.png"])[0, 0, 2, 3].item())
    assert seen == [-1, 1]
