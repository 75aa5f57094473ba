"""Checkpoint files of the code that this VAE comes from."""

import pytest
import torch

from lumina.autoencoders.folder import load_autoencoder
from lumina.autoencoders.mel_vae import MelVAE
from lumina.autoencoders.released import released_settings

OTHER = {"latent_channels": 5, "width": 32, "multipliers": (1, 2, 3), "blocks": 2, "down_levels": (1,)}


def released(path, prefix, scale=None, **extra):
    """A file as those codes write it: no statistics of the bands, and tensors of the loss or of a model beside."""
    network = MelVAE(**OTHER)
    state = {prefix + name: value for name, value in network.named_parameters()}
    state |= {"loss.logvar": torch.zeros(())} | ({} if scale is None else {"scale_factor": torch.tensor(scale)})
    torch.save({"state_dict": state, "epoch": 3, **extra}, path)
    return network


@pytest.mark.parametrize(("prefix", "scale"), [("", None), ("first_stage_model.", 0.25)])
def test_layout_and_weights_are_read_from_the_tensors(tmp_path, prefix, scale):
    network = released(tmp_path / "vae.ckpt", prefix, scale)
    settings = released_settings(tmp_path / "vae.ckpt")
    assert settings.pop("scaling_factor") == scale
    assert settings.items() <= dict(network.settings).items()
    again, mel = load_autoencoder(tmp_path / "vae.ckpt"), torch.randn(1, 80, 12)
    assert torch.equal(again.encode(mel).mean, network.encode(mel).mean)
    assert float(again.scale_factor) == (scale or 0)


def test_other_files_are_refused(tmp_path):
    torch.save({"state_dict": {"weight": torch.zeros(1)}}, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="holds no VAE of mel spectrograms"):
        load_autoencoder(tmp_path / "other.ckpt")
    released(tmp_path / "code.ckpt", "", callback=print)
    with pytest.raises(ValueError, match="no file of tensors alone that is safe to load"):
        load_autoencoder(tmp_path / "code.ckpt")
    for content in ([1], {"state_dict": [1]}, {"state_dict": {1: torch.zeros(1)}}):
        torch.save(content, tmp_path / "list.ckpt")
        with pytest.raises(ValueError, match="holds no VAE"):
            load_autoencoder(tmp_path / "list.ckpt")


def test_missing_tensors_are_named(tmp_path):
    state = dict(MelVAE(**OTHER).named_parameters())
    del state["decoder.norm_out.bias"]
    torch.save(state, tmp_path / "part.ckpt")
    with pytest.raises(ValueError, match=r"1 missing \(decoder\.norm_out\.bias\)"):
        load_autoencoder(tmp_path / "part.ckpt")
    state = dict(MelVAE(**OTHER).named_parameters())
    state["encoder.down.0.attn.0.q.weight"] = torch.zeros(1)
    torch.save(state, tmp_path / "attention.ckpt")
    with pytest.raises(ValueError, match=r"1 unexpected \(encoder\.down\.0\.attn"):
        load_autoencoder(tmp_path / "attention.ckpt")
