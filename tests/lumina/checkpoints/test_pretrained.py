"""Trained models of every form, as modules."""

import argparse
import shutil

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints.export import save_export
from lumina.checkpoints.pretrained import load_pretrained
from lumina.config.trust import trusting


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
