"""The mel VAE: the released layout, any length, bands standardised, arguments that make no network."""

import pytest
import torch
from torch.nn import functional as F

from lumina.autoencoders.mel_vae import MelVAE

TINY = {"latent_channels": 3, "width": 8, "multipliers": (1, 2), "blocks": 1, "groups": 4}


def test_the_defaults_are_the_released_layout():
    with torch.device("meta"):
        network = MelVAE()
        posterior = network.encode(torch.zeros(1, 80, 624))
        assert network.decode(posterior.mean).shape == (1, 80, 624)
    assert posterior.mean.shape == posterior.logvar.shape == (1, 20, 312)
    parameters = dict(network.named_parameters())
    assert sum(p.numel() for p in parameters.values()) == 212_958_212
    assert sum(p.numel() for p in network.encoder.parameters()) == 113_623_336
    assert set(parameters) == set(released_names())
    assert parameters["encoder.down.0.downsample.conv.weight"].shape == (384, 384, 3)
    assert parameters["decoder.up.1.upsample.conv.weight"].shape == (768, 768, 3)
    assert parameters["encoder.mid.block_1.conv1.weight"].shape == (1536, 1536, 5)
    assert parameters["decoder.mid.block_1.conv1.weight"].shape == (1536, 1536, 3)
    assert parameters["decoder.conv_in.weight"].shape == (1536, 20, 5)
    assert network.last_layer in parameters


def released_names():
    """The names of the released files, from the description of their layout."""
    layers = ["quant_conv", "post_quant_conv"]
    layers += ["encoder.down.0.downsample.conv", "decoder.up.1.upsample.conv"]
    blocks, shortcuts = [], ["encoder.down.1.block.0", "encoder.down.2.block.0", "decoder.up.0.block.0"]
    shortcuts += ["decoder.up.1.block.0"]
    for side, levels, count in (("encoder", "down", 2), ("decoder", "up", 3)):
        layers += [f"{side}.{name}" for name in ("conv_in", "norm_out", "conv_out")]
        layers += [f"{side}.mid.attn_1.{name}" for name in ("norm", "q", "k", "v", "proj_out")]
        blocks += [f"{side}.mid.block_{n}" for n in (1, 2)]
        blocks += [f"{side}.{levels}.{level}.block.{n}" for level in range(3) for n in range(count)]
    layers += [f"{block}.{name}" for block in blocks for name in ("norm1", "conv1", "norm2", "conv2")]
    layers += [f"{block}.nin_shortcut" for block in shortcuts]
    return [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]


class Published:
    """The published forward pass, written down from its description over named tensors alone, in float64."""

    def __init__(self, state, groups):
        self.state, self.groups = {name: value.double() for name, value in state.items()}, groups

    def convolution(self, name, x, **options):
        weight = self.state[f"{name}.weight"]
        padding = options.pop("padding", weight.shape[-1] // 2)
        return F.conv1d(x, weight, self.state[f"{name}.bias"], padding=padding, **options)

    def normalised(self, name, x):
        return F.group_norm(x, self.groups, self.state[f"{name}.weight"], self.state[f"{name}.bias"], eps=1e-6)

    def block(self, name, x):
        h = self.convolution(f"{name}.conv1", F.silu(self.normalised(f"{name}.norm1", x)))
        h = self.convolution(f"{name}.conv2", F.silu(self.normalised(f"{name}.norm2", h)))
        return h + (self.convolution(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.bias" in self.state else x)

    def blocks(self, name, x):
        number = 0
        while f"{name}.block.{number}.conv1.bias" in self.state:
            x = self.block(f"{name}.block.{number}", x)
            number += 1
        return x

    def middle(self, name, x):
        x = self.block(f"{name}.block_1", x)
        h = self.normalised(f"{name}.attn_1.norm", x)
        q, k, v = (self.convolution(f"{name}.attn_1.{part}", h) for part in "qkv")
        weights = torch.softmax(q.mT @ k * q.shape[1] ** -0.5, dim=-1)
        x = x + self.convolution(f"{name}.attn_1.proj_out", v @ weights.mT)
        return self.block(f"{name}.block_2", x)

    def moments(self, mel):
        h = self.convolution("encoder.conv_in", (mel - self.state["band_mean"]) / self.state["band_std"])
        h = self.blocks("encoder.down.0", h)
        h = self.convolution("encoder.down.0.downsample.conv", F.pad(h, (0, 1)), stride=2, padding=0)
        h = self.middle("encoder.mid", self.blocks("encoder.down.2", self.blocks("encoder.down.1", h)))
        h = self.convolution("encoder.conv_out", F.silu(self.normalised("encoder.norm_out", h)))
        return self.convolution("quant_conv", h)

    def mel(self, z):
        h = self.middle("decoder.mid", self.convolution("decoder.conv_in", self.convolution("post_quant_conv", z)))
        h = self.blocks("decoder.up.1", self.blocks("decoder.up.2", h))
        h = self.blocks(
            "decoder.up.0", self.convolution("decoder.up.1.upsample.conv", F.interpolate(h, scale_factor=2))
        )
        h = self.convolution("decoder.conv_out", F.silu(self.normalised("decoder.norm_out", h)))
        return h * self.state["band_std"] + self.state["band_mean"]


def test_it_computes_what_is_published():
    network = MelVAE(latent_channels=3, width=8, groups=4).double()
    network.standardise(torch.linspace(-4, 0, 80), torch.linspace(0.5, 2, 80))
    published, mel = Published(network.state_dict(), groups=4), torch.randn(2, 80, 10, dtype=torch.float64) - 2
    posterior, moments = network.encode(mel), published.moments(mel)
    torch.testing.assert_close(posterior.mean, moments[:, :3], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(posterior.logvar, moments[:, 3:], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(network.decode(posterior.mean), published.mel(moments[:, :3]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("frames", [2, 3, 10, 11, 3751])
def test_any_length_is_cut_to_a_multiple_of_the_factor(frames):
    network, mel = MelVAE(**TINY).eval(), torch.randn(1, 80, frames)
    mean = network.encode(mel).mean
    assert mean.shape == (1, 3, frames // 2)
    assert network.decode(mean).isfinite().all() and network.decode(mean).shape == (1, 80, frames - frames % 2)
    assert torch.equal(mean, network.encode(mel[..., : frames - frames % 2]).mean)


def test_other_bands_and_too_few_frames_are_refused():
    with pytest.raises(ValueError, match=r"80 bands and sides of at least 2, got .1, 64, 10."):
        MelVAE(**TINY).encode(torch.zeros(1, 64, 10))
    with pytest.raises(ValueError, match=r"got .1, 80, 1."):
        MelVAE(**TINY).encode(torch.zeros(1, 80, 1))


def test_two_halvings_make_a_factor_of_four():
    network = MelVAE(latent_channels=2, width=8, multipliers=(1, 1, 2), blocks=1, groups=4, down_levels=(0, 1))
    mean = network.encode(torch.randn(1, 80, 21)).mean
    assert network.factor == 4 and mean.shape == (1, 2, 5)
    assert network.decode(mean).shape == (1, 80, 20)


def test_bands_are_standardised_and_brought_back():
    plain, standard = MelVAE(**TINY), MelVAE(**TINY)
    standard.load_state_dict(plain.state_dict())
    mean, std = torch.linspace(-4, 0, 80), torch.linspace(0.5, 2, 80)
    standard.standardise(mean, std)
    mel = torch.randn(1, 80, 10)
    shifted = mel * std[:, None] + mean[:, None]
    torch.testing.assert_close(standard.encode(shifted).mean, plain.encode(mel).mean)
    latents = torch.randn(1, 3, 5)
    torch.testing.assert_close(standard.decode(latents), plain.decode(latents) * std[:, None] + mean[:, None])
    standard.standardise(mean, torch.zeros(80))
    assert torch.equal(standard.band_std, torch.full((80, 1), 0.1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"convention": "mine"}, "convention 'mine' is unknown; expected one of make_an_audio"),
        ({"width": 0}, "at least 1, got 20, 0, 2, 32"),
        ({"multipliers": ()}, r"at least 1, .* \[\]"),
        ({"down_levels": (2,)}, r"down_levels=\[2\] must be different levels below the last of the 3"),
        ({"down_levels": (0, 0)}, "must be different levels"),
        ({"width": 80}, r"groups=32 must divide the channels of every level, got \[80, 160, 320\]"),
        ({"dropout": 1.0}, "dropout=1.0 must be"),
        ({"linear": True, "latent_channels": 161}, "linear=true has at most 160 latent_channels, got 161"),
        ({"decoder_kernel": 4}, "kernels must be odd, got 5 and 4"),
    ],
)
def test_arguments_that_make_no_network_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        MelVAE(**wrong)


def test_settings_build_the_same_network():
    network = MelVAE(**TINY, down_levels=(), encoder_kernel=1, dropout=0.1, linear=True, convention="mm_audio")
    settings = dict(network.settings)
    assert settings.pop("_class_name") == "MelVAE"
    again = MelVAE(**settings)
    assert str(again) == str(network) and again.settings == network.settings


def test_a_linear_start_is_the_principal_components_of_the_data():
    network, mel = MelVAE(**TINY, linear=True), torch.randn(4, 80, 40) * 2 - 3
    network.standardise(mel.mean((0, 2)), mel.std((0, 2)))
    network.begin([(mel[:3], None), (mel[3:], torch.arange(40)[None] < 20)])
    standard = (mel - network.band_mean) / network.band_std
    blocks = standard.unflatten(-1, (20, 2)).permute(0, 2, 1, 3).flatten(2)
    real = torch.cat([blocks[:3].flatten(0, 1), blocks[3, :10]])
    mean = real.mean(0)
    directions = torch.linalg.svd(real - mean, full_matrices=False).Vh[:3]
    expected = (blocks - mean) @ directions.T @ directions
    output = (network.decode(network.encode(mel).mean) - network.band_mean) / network.band_std
    output = output.unflatten(-1, (20, 2)).permute(0, 2, 1, 3).flatten(2)
    bias = mean.view(80, 2).mean(1, keepdim=True).expand(-1, 2).flatten()
    torch.testing.assert_close(output, expected + bias, rtol=1e-4, atol=1e-4)
    latents = torch.cat([network.encode(mel).mean[:3].mT.flatten(0, 1), network.encode(mel).mean[3].T[:10]])
    torch.testing.assert_close(latents.T.cov(correction=0), torch.eye(3), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(latents.mean(0), torch.zeros(3), rtol=0, atol=1e-4)
    assert network.encode(mel).logvar.eq(-6).all()


def test_a_network_without_a_linear_part_has_no_weights_of_it():
    assert not any("linear" in name for name in MelVAE(**TINY).state_dict())
    MelVAE(**TINY).begin([])
