import argparse

import pytest
import torch

from lumina.backbone import NextDiTConfig
from lumina.weights.published import official_vae

CONFIG = NextDiTConfig(dim=32, num_heads=2, token_dim=16)


def test_an_unknown_vae_is_refused(tmp_path):
    torch.save(argparse.Namespace(vae="flux"), tmp_path / "model_args.pth")
    with pytest.raises(ValueError, match="the VAE 'flux', none of sdxl, mse, ema, sd3"):
        official_vae(tmp_path, CONFIG, 0)


@pytest.mark.parametrize(("labels", "expected"), [(0, "sdxl-vae"), (10, "sd-vae-ft-ema")])
def test_a_vae_that_nobody_names_is_told(tmp_path, labels, expected):
    with pytest.warns(UserWarning, match=f"does not say which VAE .*; stabilityai/{expected} is taken"):
        assert official_vae(tmp_path, CONFIG, labels).endswith(expected)


def test_a_named_vae_is_taken_without_a_word(tmp_path, recwarn):
    torch.save(argparse.Namespace(vae="mse"), tmp_path / "model_args.pth")
    assert official_vae(tmp_path, CONFIG, 0) == "stabilityai/sd-vae-ft-mse"
    assert not recwarn
