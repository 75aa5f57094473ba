"""Frozen VAEs of mel spectrograms: scale, identity, precision, and what is said of those that cannot serve."""

import json

import pytest
import torch

from lumina.audio.conventions import MAKE_AN_AUDIO
from lumina.autoencoders.folder import save_autoencoder
from lumina.autoencoders.mel_vae import MelVAE
from lumina.frozen.mel_autoencoders import MelKLAutoencoder, RandomMelAutoencoder


def tiny(scale=0.5):
    network = MelVAE(latent_channels=3, width=8, multipliers=(1, 2), blocks=1, groups=4)
    network.scale_factor.fill_(scale)
    return network.eval()


def test_latents_are_the_mean_times_the_stored_scale(tmp_path):
    network, mel = tiny(), torch.randn(2, 80, 12)
    save_autoencoder(network, tmp_path)
    vae = MelKLAutoencoder(str(tmp_path))
    assert (vae.channels, vae.factor, vae.convention) == (3, 2, MAKE_AN_AUDIO)
    mean = network.encode(mel).mean
    torch.testing.assert_close(vae.encode(mel), mean * 0.5)
    torch.testing.assert_close(vae.decode(vae.encode(mel)), network.decode(mean))


def test_a_vae_without_a_scale_is_refused(tmp_path):
    save_autoencoder(tiny(scale=0), tmp_path)
    with pytest.raises(ValueError, match=r"has no scaling_factor .* samples noise"):
        MelKLAutoencoder(str(tmp_path))
    assert MelKLAutoencoder(str(tmp_path), scaling_factor=0.7).scaling == 0.7
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"scaling_factor={wrong} must be positive"):
            MelKLAutoencoder(str(tmp_path), scaling_factor=wrong)


def test_identity_tells_weights_scaling_and_bands_apart(tmp_path):
    network = tiny()
    save_autoencoder(network, tmp_path / "one")
    network.standardise(torch.full((80,), 1.0), torch.ones(80))
    save_autoencoder(network, tmp_path / "two")
    one, two = (MelKLAutoencoder(str(tmp_path / name)).identity for name in ("one", "two"))
    assert {name for name in one if one[name] != two[name]} == {"weights"}
    other = MelKLAutoencoder(str(tmp_path / "one"), scaling_factor=0.7).identity
    assert {name for name in one if one[name] != other[name]} == {"scaling"}
    assert json.loads(json.dumps(one)) == one


def test_what_is_absent_or_no_mel_vae_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"there is no VAE at"):
        MelKLAutoencoder(str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        MelKLAutoencoder(str(tmp_path))
    (tmp_path / "config.json").write_text('{"_class_name": "UNet"}')
    with pytest.raises(ValueError, match="holds a UNet, expected one of MelVAE"):
        MelKLAutoencoder(str(tmp_path))


def test_the_random_vae_is_the_same_each_time_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, second = RandomMelAutoencoder(), RandomMelAutoencoder()
    mel = torch.rand(2, 80, 24, generator=torch.Generator().manual_seed(0)) - 3
    latents = first.encode(mel)
    assert latents.shape == (2, 20, 12) and first.decode(latents).shape == mel.shape
    assert torch.equal(latents, second.encode(mel))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.identity == second.identity


def test_it_computes_in_float32_under_autocast_too():
    vae, mel = RandomMelAutoencoder(), torch.randn(1, 80, 8)
    latents = vae.encode(mel)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(vae.encode(mel), latents)
        assert vae.decode(latents).dtype == torch.float32
    assert vae.encode(mel.bfloat16()).dtype == torch.bfloat16


def test_a_missing_folder_beside_others_is_not_looked_up_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    with pytest.raises(FileNotFoundError, match=r"there is no VAE at data/audio_vae: .*lumina convert RUN FOLDER"):
        MelKLAutoencoder("data/audio_vae")
