"""Modules built of weights and arguments."""

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from lumina.checkpoints.pretrained import load_pretrained
from lumina.weights import source as sources

DIGITS = {
    "modality": {"class_path": "modalities.image.Image", "init_args": {"size": [8, 8], "channels": 1}},
    "backbone": {"dim": 32, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "multiple_of": 32},
    "conditioners": [
        {"class_path": "lumina.conditioning.label.LabelConditioner", "init_args": {"num_classes": 10}},
    ],
    "objective": {"class_path": "lumina.objectives.flow_matching.FlowMatching"},
}


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
