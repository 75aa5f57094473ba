"""Exports: a module in a folder that may be moved and loaded again."""

import pytest
import torch
from safetensors.torch import load_file

from lumina.checkpoints.export import save_export
from lumina.checkpoints.pretrained import load_pretrained


def test_a_loaded_module_is_exported_again(export, tmp_path):
    save_export(load_pretrained(export), tmp_path / "again")
    assert (tmp_path / "again/model.yaml").read_text() == (export / "model.yaml").read_text()
    assert (tmp_path / "again/model.safetensors").read_bytes() == (export / "model.safetensors").read_bytes()
    assert sorted(path.name for path in export.iterdir()) == ["model.safetensors", "model.yaml"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_dtype(export, tmp_path, dtype):
    module = load_pretrained(export, dtype)
    assert {parameter.dtype for parameter in module.parameters()} == {dtype}
    save_export(module, tmp_path / "half")
    assert {tensor.dtype for tensor in load_file(tmp_path / "half/model.safetensors").values()} == {dtype}
    assert {parameter.dtype for parameter in load_pretrained(tmp_path / "half").parameters()} == {torch.float32}


def test_paths_follow_the_folder(make_small, tmp_path):
    save_export(make_small(), tmp_path / "first")
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == [
        "bert", "model.safetensors", "model.yaml", "vae",
    ]  # fmt: skip
    (tmp_path / "first").rename(tmp_path / "moved")
    module = load_pretrained(tmp_path / "moved")
    assert module.conditioners[0].encoder.path == str(tmp_path / "moved/bert")
    batch, canvas = {"caption": ["a red apple"]}, module.modality.layout(1, {})
    assert module.generate(canvas, batch, torch.Generator()).shape == (1, 3, 64, 64)
    save_export(module, tmp_path / "light", copy=False)
    assert not [path for path in (tmp_path / "light").iterdir() if path.is_dir()]
    assert load_pretrained(tmp_path / "light").conditioners[0].encoder.path == str(tmp_path / "moved/bert")


def test_weights_that_diverged_or_overflow_are_not_exported(export, tmp_path):
    module = load_pretrained(export)
    with torch.no_grad():
        module.backbone.x_embedder.bias[3] = 1e5
    with pytest.raises(ValueError, match=r"backbone.x_embedder.bias.*choose bfloat16 or float32"):
        save_export(module.half(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
