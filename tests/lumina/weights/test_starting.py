"""Starting from trained weights."""

from __future__ import annotations

import shutil

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints import load_diffusers, save_diffusers
from lumina.checkpoints.pretrained import load_pretrained
from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from lumina.frozen.autoencoders import RandomAutoencoder
from lumina.interfaces import TextEncoder
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.weights.source import read_weights
from lumina.weights.starting import start_from
from modalities.image import Image

TEXT = NextDiTConfig(
    dim=32, num_layers=2, num_heads=4, num_kv_heads=2, token_dim=16, position_axes=2, text_dim=12, multiple_of=32,
    learn_sigma=True, pad_token=True,
)  # fmt: skip


def test_starts_from_the_averaged_weights_and_the_label_table(fit, source):
    path = fit("full", "--model.optimizer.lr=0")
    start = read_weights(next(source.rglob("last.ckpt"))).tensors
    found = torch.load(path, weights_only=True)["state_dict"]
    assert found.keys() == start.keys()
    assert all(torch.equal(found[name], start[name]) for name in start)


def test_resumes_after_the_source_has_gone(fit, source, tmp_path):
    moved = shutil.copytree(source, tmp_path / "source")
    path = fit("full", "--trainer.max_steps=2", weights=moved)
    shutil.rmtree(moved)
    resumed = fit("resumed", f"--ckpt_path={path}", weights=moved)
    assert torch.load(resumed, weights_only=True)["global_step"] == 4
    LuminaModule.load_from_checkpoint(resumed)


def test_other_architecture_is_refused_in_a_sentence(fit, capsys):
    with pytest.raises(SystemExit):
        fit("wrong", "--model.backbone.num_heads=4")
    assert "have backbone.num_heads=2, this experiment 4" in capsys.readouterr().err


class Words(TextEncoder):
    """A text encoder that has read nothing."""

    dim = 12

    def encode(self, captions, device):
        return [torch.ones(len(caption.split()), self.dim, device=device) for caption in captions]


def test_starts_from_a_published_format(tmp_path):
    torch.manual_seed(3)
    save_diffusers(NextDiT(TEXT), tmp_path)
    module = LuminaModule(
        Image((64, 64), patch_size=2, autoencoder=RandomAutoencoder()), TEXT, FlowMatching(), [TextConditioner(Words())]
    )
    start_from(module, str(tmp_path))
    state = module.backbone.state_dict()
    assert all(torch.equal(state[name], value) for name, value in load_diffusers(tmp_path).state_dict().items())


def test_missing_weights_stop_the_first_step(fit, capsys):
    with pytest.raises(SystemExit):
        fit("nothing", weights="nowhere")
    assert "nowhere does not exist" in capsys.readouterr().err


def digits(conditioners=None, **sizes):
    small = {"dim": 32, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "multiple_of": 32}
    backbone = NextDiTConfig(**small | sizes)
    told = [LabelConditioner(10)] if conditioners is None else conditioners
    return LuminaModule(Image((8, 8), channels=1), backbone, FlowMatching(), told)


def test_initialise_copies_backbone_and_labels(export):
    module, source = digits(), load_pretrained(export).state_dict()
    start_from(module, export)
    assert all(torch.equal(tensor, source[name]) for name, tensor in module.state_dict().items())
    assert module.backbone.x_embedder.weight.data_ptr() != source["backbone.x_embedder.weight"].data_ptr()


def test_initialise_leaves_new_conditioners_alone(export):
    module = digits(conditioners=[LabelConditioner(10), LabelConditioner(4, key="colour")])
    colours = module.conditioners[1].table.weight.clone()
    start_from(module, export)
    assert torch.equal(module.conditioners[1].table.weight, colours)


def test_a_table_of_another_number_of_classes_starts_anew(export):
    module = digits(conditioners=[LabelConditioner(12)])
    before = module.conditioners[0].table.weight.clone()
    with pytest.warns(UserWarning, match="has another number of classes .*: the rows of all classes start anew"):
        start_from(module, export)
    torch.testing.assert_close(module.conditioners[0].table.weight, before)


def test_initialise_is_strict(export):
    with pytest.raises(
        ValueError, match=r"tensors of the model to be trained, got 1 unexpected \(conditioners.0.table"
    ):
        start_from(digits(conditioners=[]), export)
    with pytest.raises(ValueError, match=r"num_layers=2, this experiment 3"):
        start_from(digits(num_layers=3), export)
