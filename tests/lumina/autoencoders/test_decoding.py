import pytest
import torch

from lumina.autoencoders.decoding import decodes
from lumina.autoencoders.diffusers_networks import MMAudioMelVAE, PictureVAE
from lumina.autoencoders.mel_vae import MelVAE

PICTURE = {"block_out_channels": (8, 8), "layers_per_block": 1, "norm_num_groups": 4}


@pytest.mark.parametrize(
    ("kind", "options", "shape"),
    [
        (MelVAE, {"latent_channels": 3, "width": 8, "multipliers": (1, 2), "blocks": 1, "groups": 4}, (1, 80, 16)),
        (MelVAE, {"latent_channels": 3, "width": 8, "multipliers": (1, 2), "groups": 4, "linear": True}, (1, 80, 16)),
        (MMAudioMelVAE, {"latent_channels": 3, "hidden_channels": 8, "layers_per_block": 1}, (1, 80, 16)),
        (PictureVAE, PICTURE, (1, 3, 16, 16)),
    ],
)
def test_the_decoder_is_what_latents_do_not_depend_on(kind, options, shape):
    pytest.importorskip("diffusers")
    network = kind(**options)
    posterior = network.encode(torch.rand(shape))
    (posterior.mean.square().sum() + posterior.logvar.square().sum()).backward()
    names = dict(network.named_parameters())
    assert {name for name in names if names[name].grad is None} == {name for name in names if decodes(name)}
