"""The 2B experiment with each text encoder, built without memory from configs that have the real widths."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from lumina.commands.train import build

EXPERIMENTS = Path(__file__).parents[3] / "experiments"
WIDTHS = {"gemma_2b": ("gemma", 2048), "llama_7b": ("llama", 4096), "qwen_1_8b": ("qwen2", 2048)}
WIDTHS |= {"internlm_7b": ("llama", 4096)}
ENCODERS = sorted(path for path in (EXPERIMENTS / "encoders").glob("*.yaml") if "lumina_next_2b" in path.read_text())


def place(path, kind, width):
    """A folder of this name with a config: what an encoder reads before its weights."""
    sizes = {"hidden_size": width, "num_attention_heads": 16, "num_key_value_heads": 16, "num_hidden_layers": 18}
    Path(path).mkdir(parents=True, exist_ok=True)
    (Path(path) / "config.json").write_text(json.dumps({"model_type": kind} | sizes))


def arguments(*pieces):
    vae = "--model.modality.init_args.autoencoder=lumina.frozen.autoencoders.RandomAutoencoder"
    configs = [word for piece in pieces for word in ("--config", str(EXPERIMENTS / piece))]
    return [*configs, vae, "--trainer.accelerator=cpu", "--trainer.precision=32", "--trainer.logger=false"]


def test_it_is_the_released_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place("google/gemma-2b", "gemma", 2048)
    with torch.device("meta"):
        model = build(arguments("paper/lumina_next_2b.yaml")).model
    state = model.state_dict()
    assert sum(tensor.numel() for tensor in state.values()) == 1_627_386_400
    assert len(state) == 567


@pytest.mark.parametrize("name", [path.stem for path in ENCODERS])
def test_a_piece_changes_the_encoder_alone(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    piece = yaml.safe_load((EXPERIMENTS / f"encoders/{name}.yaml").read_text())
    assert list(piece) == ["model"] and list(piece["model"]) == ["conditioners"]
    kind, width = WIDTHS[name]
    place(piece["model"]["conditioners"][0]["init_args"]["encoder"]["init_args"]["path"], kind, width)
    with torch.device("meta"):
        model = build(arguments("paper/lumina_next_2b.yaml", f"encoders/{name}.yaml")).model
    (conditioner,) = model.conditioners
    assert conditioner.encoder.layer == -2 and conditioner.encoder.max_tokens == 256
    assert model.backbone.config.text_dim == width
