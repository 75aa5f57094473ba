"""Networks of diffusers behind our interface: equal to diffusers' own calls, stored as diffusers stores them."""

import json
import math

import pytest
import torch
from diffusers import AutoencoderKL, MMAudioVAE

from lumina.audio.conventions import MM_AUDIO, MM_AUDIO_44K
from lumina.autoencoders.diffusers_networks import MMAudioMelVAE, PictureVAE, mm_audio
from lumina.autoencoders.folder import CONFIG, load_autoencoder, save_autoencoder
from lumina.frozen.autoencoders import KLAutoencoder
from lumina.frozen.mel_autoencoders import MelKLAutoencoder

MEL = {"latent_channels": 3, "hidden_channels": 8, "channel_multipliers": [1, 2], "layers_per_block": 1}
SIXTEEN = {"mel_bins": 80, "sample_rate": 16_000, "n_fft": 1024, "hop_length": 256}
PICTURE = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}


def theirs_on_disk(folder):
    """A folder that diffusers wrote, with statistics of bands in it."""
    network = MMAudioVAE(**MEL, **SIXTEEN).eval()
    network.vae.data_mean.copy_(torch.linspace(-9, 0, 80)[:, None])
    network.vae.data_std.copy_(torch.linspace(1, 3, 80)[:, None])
    network.save_pretrained(folder)
    return network


def test_a_folder_of_diffusers_gives_diffusers_results(tmp_path):
    theirs, sound = theirs_on_disk(tmp_path), torch.rand(2, 2560) * 2 - 1
    vae = MelKLAutoencoder(str(tmp_path))
    assert (vae.channels, vae.factor, vae.convention, vae.scaling) == (3, 2, MM_AUDIO, 0.417)
    with torch.no_grad():
        posterior, mel = theirs.encode(sound).latent_dist, theirs.mel_converter(sound)
        torch.testing.assert_close(vae.encode(mel), posterior.mode() * 0.417)
        torch.testing.assert_close(vae.decode(vae.encode(mel)), theirs.decode(posterior.mode()).sample)
        ours = load_autoencoder(tmp_path).encode(mel)
    torch.testing.assert_close(ours.logvar, posterior.logvar)
    assert {name for name, _ in load_autoencoder(tmp_path).named_buffers()} >= {"network.vae.data_std", "scale_factor"}


def test_what_we_store_diffusers_loads(tmp_path):
    network = MMAudioMelVAE(**MEL)
    network.standardise(torch.linspace(-9, 0, 80), torch.zeros(80))
    network.scale_factor.fill_(0.25)
    save_autoencoder(network, tmp_path)
    theirs, mel = MMAudioVAE.from_pretrained(tmp_path), torch.randn(1, 80, 7)
    assert theirs.config.scaling_factor == 0.25
    with torch.no_grad():
        moments = theirs.vae.encode(mel[..., :6])
        torch.testing.assert_close(network.encode(mel).mean, moments[:, :3])
        torch.testing.assert_close(network.decode(moments[:, :3]), theirs.vae.decode(moments[:, :3]))
    again = load_autoencoder(tmp_path)
    assert again.settings == network.settings and again.network.vae.data_std.eq(0.1).all()


def test_the_defaults_have_the_size_of_the_papers_vae():
    with torch.device("meta"):
        network = MMAudioMelVAE()
        posterior = network.encode(torch.zeros(1, 80, 624))
    assert sum(p.numel() for p in network.parameters()) == 171_657_218
    assert posterior.mean.shape == (1, 20, 312)
    assert network.last_layer in dict(network.named_parameters())
    assert network.last_layer.removeprefix("network.") in dict(network.stored.named_parameters())


def test_a_fresh_network_passes_on_unit_variance():
    network = MMAudioMelVAE(hidden_channels=64)
    h = torch.randn(4, 80, 64)
    for layer in (network.network.vae.encoder.conv_in, network.network.vae.encoder.down[0].block[0]):
        h = layer(h)
        assert 0.8 < float(h.detach().std()) < 1.2


def test_the_convention_is_found_or_made():
    assert mm_audio(16_000, 80, 1024, 256) is MM_AUDIO
    assert mm_audio(44_100, 128, 2048, 512) is MM_AUDIO_44K
    other = mm_audio(24_000, 100, 1024, 256)
    assert (other.bands, other.high, other.base, other.name) == (100, 12_000, math.e, "mm_audio_24000_100_1024_256")
    with pytest.raises(ValueError, match=r"channel_multipliers=\[1\] must be two or more"):
        MMAudioMelVAE(channel_multipliers=[1])


def test_a_picture_vae_is_stored_as_diffusers_stores_it(tmp_path):
    network, images = PictureVAE(**PICTURE).eval(), torch.rand(2, 3, 9, 12)
    network.scale_factor.fill_(0.5)
    save_autoencoder(network, tmp_path)
    frozen, again = KLAutoencoder(str(tmp_path)), load_autoencoder(tmp_path).eval()
    assert (network.factor, network.channels) == (2, 4) == (frozen.factor, frozen.channels)
    with torch.no_grad():
        posterior = network.encode(images)
        assert posterior.mean.shape == (2, 4, 4, 6)
        torch.testing.assert_close(frozen.encode(images[:, :, :8]), posterior.mean * 0.5)
        torch.testing.assert_close(frozen.decode(posterior.mean * 0.5), network.decode(posterior.mean))
        assert torch.equal(again.encode(images).logvar, posterior.logvar)
    assert network.last_layer in dict(network.named_parameters())


def test_picture_vaes_of_diffusers_are_read_unless_they_are_of_another_kind(tmp_path):
    AutoencoderKL(
        **PICTURE, down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2, sample_size=64
    ).save_pretrained(tmp_path)
    assert float(load_autoencoder(tmp_path).scale_factor) == pytest.approx(0.18215)
    with pytest.raises(ValueError, match="holds a VAE of pictures, expected one of mel spectrograms"):
        MelKLAutoencoder(str(tmp_path))
    settings = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps(settings | {"shift_factor": 0.1}))
    with pytest.raises(ValueError, match=r"cannot be built: shift_factor=0\.1 is not supported, expected None"):
        load_autoencoder(tmp_path)
