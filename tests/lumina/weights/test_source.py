"""What a source of weights is, in every form, whole and broken."""

import json
import pickle
import shutil

import pytest
import torch

from lumina.checkpoints.pretrained import load_pretrained
from lumina.weights import source as sources
from lumina.weights.source import read_weights


class Payload:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def change(path, **settings):
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_bundled_models_have_names(export, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "BUNDLED", tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    assert load_pretrained("export").backbone.config.dim == 32
    with pytest.raises(FileNotFoundError, match=r"expert does not exist: .*model_index.json.*bundled model \(export\)"):
        load_pretrained("expert")


def test_a_folder_of_nothing_known(tmp_path):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(FileNotFoundError, match=r"is none of these: a \.ckpt file or run folder"):
        load_pretrained(tmp_path)


@pytest.mark.filterwarnings("ignore:.*does not say which VAE")
def test_authors_folder_without_its_parts(official, pipeline_folder, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError) as error:
        load_pretrained(official)
    assert (
        f"place config.json and diffusion_pytorch_model.safetensors of stabilityai/sdxl-vae in {official}/vae"
        in str(error.value)
    )
    assert f"tokenizer* of google/gemma-2b in {official}/text_encoder" in str(error.value)
    parts = {part: str(pipeline_folder / part) for part in ("text_encoder", "vae")}
    module = load_pretrained(official, **parts)
    assert module.modality.size == (1024, 1024)
    assert type(module.objective.sampler.solver).__name__ == "Midpoint"
    with pytest.raises(FileNotFoundError, match=r"Face hub: place config.json, model\*"):
        load_pretrained(official, vae=parts["vae"])


@pytest.mark.parametrize("part", ["vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(broken, part):
    shutil.rmtree(broken / part)
    with pytest.raises(FileNotFoundError, match=f"lacks .*{part}/.*fetch the missing folder"):
        load_pretrained(broken)


@pytest.mark.parametrize(
    ("file", "settings", "message"),
    [
        ("model_index.json", {"_class_name": "FluxPipeline"}, "holds a FluxPipeline"),
        ("vae/config.json", {"_class_name": "AutoencoderDC"}, "holds a AutoencoderDC, expected a AutoencoderKL"),
        ("scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler"}, "DDIMScheduler"),
        ("scheduler/scheduler_config.json", {"use_dynamic_shifting": True}, "use_dynamic_shifting to false"),
        ("transformer/config.json", {"_class_name": "Lumina2Transformer2DModel"}, "got Lumina2Transformer2DModel"),
        ("transformer/config.json", {"num_layers": 4}, "missing .*layers"),
        ("transformer/config.json", {"cross_attention_dim": 40}, "of another shape"),
    ],
)
def test_parts_of_another_kind(broken, file, settings, message):
    change(broken / file, **settings)
    with pytest.raises(ValueError, match=message):
        load_pretrained(broken)


@pytest.mark.parametrize("keep", [0, 4, 200, -100])
@pytest.mark.parametrize("form", ["export", "broken", "official"])
def test_truncated_weights(request, form, keep):
    folder = request.getfixturevalue(form)
    names = {
        "export": "model.safetensors",
        "broken": "transformer/diffusion_pytorch_model.safetensors",
        "official": "consolidated.00-of-01.pth",
    }
    path = folder / names[form]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=rf"{path.name} is (cut short|broken).*again"):
        load_pretrained(folder)


def test_truncated_settings(broken):
    path = broken / "transformer/config.json"
    path.write_text(path.read_text()[:40])
    with pytest.raises(ValueError, match=r"transformer/config.json is damaged"):
        load_pretrained(broken)


def test_code_of_others_is_not_run(official, export, tmp_path):
    harm = tmp_path / "harm"
    torch.save({"x_embedder.weight": Payload(harm)}, official / "consolidated.00-of-01.pth")
    (tmp_path / "run.ckpt").write_bytes(pickle.dumps(Payload(harm)))
    torch.save({"hyper_parameters": Payload(harm), "state_dict": {}}, tmp_path / "other.ckpt")
    for source, told in {
        official: "no file of tensors alone that is safe to load",
        tmp_path / "run.ckpt": "damaged or no checkpoint",
        tmp_path / "other.ckpt": "more than tensors and plain data",
    }.items():
        with pytest.raises(ValueError, match=told):
            load_pretrained(source)
    assert not harm.exists()


def test_backbone_of_every_form(broken, official):
    first, second, third = (read_weights(path).backbone for path in (broken, broken / "transformer", official))
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]) and torch.equal(tensor, third[name]), name
    with pytest.raises(ValueError, match="holds a transformer alone"):
        load_pretrained(broken / "transformer")
