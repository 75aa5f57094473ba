"""VAEs stored in folders and read again."""

import json

import pytest
import torch

from lumina.autoencoders.folder import CONFIG, WEIGHTS, load_autoencoder, save_autoencoder
from lumina.autoencoders.mel_vae import MelVAE

TINY = {"latent_channels": 3, "width": 8, "multipliers": (1, 2), "blocks": 1, "groups": 4}


def stored(folder, scale=0.25):
    network = MelVAE(**TINY)
    network.standardise(torch.linspace(-4, 0, 80), torch.linspace(0.5, 2, 80))
    network.scale_factor.fill_(scale)
    save_autoencoder(network, folder)
    return network


@pytest.mark.parametrize("scale", [0.0, 0.25])
def test_a_stored_vae_comes_back_with_all_it_measured(tmp_path, scale):
    network = stored(tmp_path / "new/folder", scale)
    again = load_autoencoder(tmp_path / "new/folder")
    assert again.settings == network.settings
    assert again.state_dict().keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert json.loads((tmp_path / "new/folder" / CONFIG).read_text())["scaling_factor"] == (scale or None)


def test_a_scale_that_was_read_is_written_again(tmp_path):
    stored(tmp_path, 0.36962)
    assert json.loads((tmp_path / CONFIG).read_text())["scaling_factor"] == 0.36962


def test_damaged_files_are_told_in_one_sentence(tmp_path):
    stored(tmp_path)
    config, weights = tmp_path / CONFIG, tmp_path / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is cut short or no safetensors file"):
        load_autoencoder(tmp_path)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=f"has no {WEIGHTS}"):
        load_autoencoder(tmp_path)
    weights.write_bytes(whole)
    settings = json.loads(config.read_text())
    for change, message in (
        ({"width": 16}, r"tensors of this VAE, got .* of another shape \(encoder"),
        ({"width": "wide"}, "describes a MelVAE that cannot be built"),
        ({"width": 2**20}, r"of another shape \(encoder"),
        ({"scaling_factor": "large"}, "scaling_factor='large' must be a number"),
        ({"deep": 3}, "describes a MelVAE that cannot be built: .*'deep'"),
        ({"_class_name": None}, "holds a None, expected one of MelVAE"),
    ):
        config.write_text(json.dumps(settings | change))
        with pytest.raises(ValueError, match=message):
            load_autoencoder(tmp_path)
    config.write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        load_autoencoder(tmp_path)
