"""Adapters on trained weights: what trains, is saved, resumes, and what they are merged into."""

import shutil

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.lora import Lora
from lumina.checkpoints.pretrained import load_pretrained
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.values import Conditioning, Tokens
from lumina.weights.adapters import KEY, export_adapter, merged
from lumina.weights.source import read_weights
from modalities.image import Image

LORA = ["--model.lora.rank=2", "--model.lora.alpha=4"]


def read(path):
    return torch.load(path, weights_only=True)


def whole(path):
    """Averaged weights of a checkpoint, merged if it has adapters."""
    return read_weights(path).tensors


def predict(backbone):
    """Velocities of digits of two classes."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.cartesian_prod(torch.arange(4), torch.arange(4)).expand(2, -1, -1)
    tokens = Tokens(features=torch.randn(2, 16, 4, generator=generator), positions=positions)
    pooled = torch.randn(2, backbone.config.cond_dim, generator=generator)
    with torch.no_grad():
        return backbone.predict(tokens, torch.tensor([0.2, 0.7]), Conditioning(pooled=pooled))


def test_only_adapters_and_labels_train_and_are_saved(fit, source):
    path = fit("lora", *LORA)
    checkpoint, start = read(path), read_weights(source).backbone
    trained = checkpoint["state_dict"]
    assert all(".lora_" in name or name.startswith("conditioners.") for name in trained)
    assert sum(".lora_" in name for name in trained) == 2 * 2 * 7  # matrices, blocks, linear layers
    assert checkpoint["ema"]["weights"].keys() == trained.keys()
    assert path.stat().st_size < 0.6 * next(source.rglob("last.ckpt")).stat().st_size
    after = whole(path)
    for name, weight in start.items():
        adapted = name.split(".")[-2] in ("wq", "wk", "wv", "wo", "w1", "w2", "w3")
        assert torch.equal(after[f"backbone.{name}"], weight) != adapted


def test_resumed_adapters_are_those_never_interrupted(fit):
    straight = fit("straight", *LORA)
    first = fit("first", *LORA, "--trainer.max_steps=2")
    resumed = fit("second", *LORA, f"--ckpt_path={first}")
    for part in ("state_dict", "ema"):
        torch.testing.assert_close(read(resumed)[part], read(straight)[part], atol=0, rtol=0)
    states = [read(path)["optimizer_states"][0]["state"] for path in (resumed, straight)]
    torch.testing.assert_close(*states, atol=0, rtol=0)


def test_merged_predicts_what_the_adapters_predict(fit):
    path = fit("lora", *LORA, "--model.optimizer.lr=0.1")
    checkpoint = read(path)
    live = LuminaModule.load_from_checkpoint(path).backbone
    plain = NextDiT(live.config)
    base = checkpoint[KEY]["weights"]
    state = merged(checkpoint[KEY], checkpoint["state_dict"], read_weights(base).backbone, base)
    plain.load_state_dict({name[9:]: value for name, value in state.items() if name.startswith("backbone.")})
    torch.testing.assert_close(predict(plain), predict(live), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(predict(plain), predict(load_pretrained(base).backbone), atol=1e-3)


def test_adapters_of_other_weights_are_refused(fit, source, tmp_path, capsys):
    moved = shutil.copytree(source, tmp_path / "source")
    path = fit("lora", *LORA, "--trainer.max_steps=2", weights=moved)
    file = next(moved.rglob("last.ckpt"))
    for old in moved.rglob("*.ckpt"):
        old.unlink()
    checkpoint = read(next(source.rglob("last.ckpt")))
    checkpoint["ema"]["weights"]["backbone.layers.0.attention.wq.weight"] += 1e-3
    torch.save(checkpoint, file)
    with pytest.raises(ValueError, match="trained on"):
        whole(path)
    with pytest.raises(SystemExit):
        fit("again", *LORA, f"--ckpt_path={path}", weights=moved)
    assert "are not those of" in capsys.readouterr().err


def test_moved_weights_are_named_by_an_option(fit, source, run_in, tmp_path, capsys):
    before = shutil.copytree(source, tmp_path / "before")
    path = fit("lora", *LORA, "--trainer.max_steps=1", weights=before)
    before.rename(tmp_path / "after")
    options = ["sample", "--ckpt_path", path, "--count=1", "--steps=1", "--output", tmp_path / "drawn"]
    with pytest.raises(SystemExit):
        run_in(*options)
    assert "set their present location: --base" in capsys.readouterr().err
    run_in(*options, "--base", tmp_path / "after")
    assert (tmp_path / "drawn/00000.png").is_file()


def test_checkpoint_without_adapters_does_not_resume_them(fit, source, capsys):
    with pytest.raises(SystemExit):
        fit("mixed", *LORA, f"--ckpt_path={source}")
    assert "the checkpoint holds no adapters" in capsys.readouterr().err


def test_adapters_need_weights():
    with pytest.raises(ValueError, match=r"model\.weights"):
        LuminaModule(Image((8, 8), channels=1), NextDiTConfig(dim=32, num_heads=2), FlowMatching(), lora=Lora())


def test_peft_reads_what_is_exported(fit, source, tmp_path):
    from peft import PeftModel

    path = fit("lora", *LORA, "--model.optimizer.lr=0.1")
    export_adapter(path, tmp_path / "adapter")
    model = PeftModel.from_pretrained(load_pretrained(source).backbone, tmp_path / "adapter").merge_and_unload()
    after = whole(path)
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, after[f"backbone.{name}"])
