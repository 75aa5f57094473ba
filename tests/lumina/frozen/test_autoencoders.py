"""Image VAEs: scale, shift, identity, and what is said of those that are not there."""

import json

import pytest
import torch

from lumina.frozen.autoencoders import KLAutoencoder, RandomAutoencoder, _at_once


def test_a_vae_from_a_folder_scales_as_its_config_says(tmp_path):
    network = RandomAutoencoder()._network.on(torch.device("cpu"))
    network.register_to_config(scaling_factor=0.5, shift_factor=0.25)
    network.save_pretrained(tmp_path)
    vae, images = KLAutoencoder(str(tmp_path)), torch.rand(1, 3, 16, 16)
    mean = network.encode(images).latent_dist.mode()
    torch.testing.assert_close(vae.encode(images), (mean - 0.25) * 0.5)
    torch.testing.assert_close(vae.decode(vae.encode(images)), network.decode(mean).sample)


def test_a_vae_without_the_key_scales_as_stable_diffusion(tmp_path):
    RandomAutoencoder()._network.on(torch.device("cpu")).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["scaling_factor"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.warns(UserWarning, match=r"has no scaling_factor; using Stable Diffusion's, 0.18215"):
        assert KLAutoencoder(str(tmp_path)).scaling == 0.18215
    for scaling in (0.0, -1.0):
        with pytest.raises(ValueError, match=f"scaling_factor={scaling} must be positive"):
            KLAutoencoder(str(tmp_path), scaling_factor=scaling)
    assert KLAutoencoder(str(tmp_path), scaling_factor=0.5).scaling == 0.5


def test_an_absent_vae_says_what_to_place_where(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"diffusion_pytorch_model.safetensors"):
        KLAutoencoder(str(tmp_path / "absent"))


def test_the_random_vae_is_the_same_each_time_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, second = (RandomAutoencoder(channels=2, levels=2) for _ in range(2))
    images = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    latents = first.encode(images)
    assert latents.shape == (1, 2, 4, 6) and first.decode(latents).shape == images.shape
    assert torch.equal(latents, second.encode(images))
    assert torch.equal(torch.get_rng_state(), before)


def test_identity_tells_what_decides_the_latents_apart(tmp_path):
    network = RandomAutoencoder()._network.on(torch.device("cpu"))
    network.save_pretrained(tmp_path / "one")
    for name, part in (("other_decoder", network.decoder), ("two", network.encoder)):
        with torch.no_grad():
            part.conv_out.bias[0] += 1e-3
        network.save_pretrained(tmp_path / name)
    one, two = (KLAutoencoder(str(tmp_path / name)).identity for name in ("one", "two"))
    assert (
        one == KLAutoencoder(str(tmp_path / "one")).identity == KLAutoencoder(str(tmp_path / "other_decoder")).identity
    )
    assert {name for name in one if one[name] != two[name]} == {"weights"}
    other = KLAutoencoder(str(tmp_path / "one"), scaling_factor=0.5).identity
    assert {name for name in one if one[name] != other[name]} == {"scaling"}


def test_it_computes_in_float32_under_autocast_too():
    vae, images = RandomAutoencoder(levels=2), torch.rand(1, 3, 8, 8)
    latents = vae.encode(images)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(vae.encode(images), latents)
        assert torch.equal(vae.decode(latents), vae.decode(latents.float()))
        assert vae.decode(latents).dtype == torch.float32


def test_parts_are_larger_on_a_gpu():
    assert [_at_once(64 * 64, torch.device(kind)) for kind in ("cuda", "cpu")] == [1024, 16]
    assert [_at_once(4096**2, torch.device(kind)) for kind in ("cuda", "cpu")] == [1, 1]


def test_a_large_batch_goes_through_the_network_in_parts(monkeypatch):
    vae, pictures = RandomAutoencoder(), torch.rand(5, 3, 16, 16) * 2 - 1
    latents = vae.encode(pictures)
    together = latents, vae.decode(latents)
    monkeypatch.setattr("lumina.frozen.autoencoders.PIXELS_AT_ONCE_CPU", 2 * 16 * 16)
    network, seen = vae._network.on(torch.device("cpu")), []
    for part in (network.encoder, network.decoder):
        part.register_forward_pre_hook(lambda _, arguments: seen.append(len(arguments[0])))
    torch.testing.assert_close((vae.encode(pictures), vae.decode(latents)), together)
    assert seen == [2, 2, 1, 2, 2, 1]
