"""Trained VAEs of mel spectrograms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lumina.autoencoders.decoding import decodes
from lumina.autoencoders.folder import SCALE, build, load_autoencoder, read_settings
from lumina.autoencoders.mel_vae import MelVAE
from lumina.config.locate import locate
from lumina.frozen.network import Frozen, fingerprint
from lumina.interfaces import VAE, MelAutoencoder
from lumina.values import MelConvention


class MelKLAutoencoder(MelAutoencoder):
    """A VAE of mel spectrograms, frozen, in float32. Its settings are read at once, its weights at first use.

    The latent of a spectrogram is the mean of the posterior. It is deterministic, so it can be cached.

    Args:
        path: a folder that a training of this project wrote, or one of diffusers' ``MMAudioVAE``; the id of either on
            the Hugging Face hub; a checkpoint file of Make-An-Audio 2 or Lumina-Next; or ``package:NAME/FOLDER``, a
            folder inside an installed Python package.
        scaling_factor: latents are the posterior's mean times it; None = what is stored with the VAE.

    Raises:
        FileNotFoundError: the VAE is neither on this machine nor available from the hub.
        ValueError: it has no scaling factor, is damaged, or is no VAE of mel spectrograms.
    """

    def __init__(self, path: str, scaling_factor: float | None = None) -> None:
        location = str(locate(path))
        settings = read_settings(location)
        with torch.device("meta"):
            network = build(settings, path)
        self.channels, self.factor = network.channels, network.factor
        self.convention = _convention(network, path)
        self.scaling = _scaling(path, settings[SCALE]) if scaling_factor is None else scaling_factor
        if not 0 < self.scaling < float("inf"):
            raise ValueError(f"MelKLAutoencoder: scaling_factor={self.scaling} must be positive, such as 0.4.")
        self._network = Frozen(lambda: load_autoencoder(location))

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Convention, scale and a hash of the encoder's weights; loads the weights."""
        network = self._network.on(torch.device("cpu"))
        facts = {"channels": self.channels, "factor": self.factor, "scaling": self.scaling}
        state = network.state_dict().items()
        encoder = {name: tensor for name, tensor in state if name != "scale_factor" and not decodes(name)}
        return {**facts, "convention": self.convention.name, "weights": fingerprint(encoder)}

    @torch.no_grad()
    def encode(self, mel: Tensor) -> Tensor:
        """``[B, bands, T]`` to ``[B, C, T // factor]``, the posterior's mean times the scaling factor."""
        with torch.autocast(mel.device.type, enabled=False):
            mean = self._network.on(mel.device).encode(mel.float()).mean
        return (mean * self.scaling).to(mel.dtype)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """``[B, C, T / factor]`` to ``[B, bands, T]`` float32."""
        with torch.autocast(latents.device.type, enabled=False):
            mel: Tensor = self._network.on(latents.device).decode(latents.float() / self.scaling)
        return mel


class RandomMelAutoencoder(MelKLAutoencoder):
    """A tiny `MelVAE` with seeded random weights: correct shapes without a download, to try an experiment.

    Args:
        channels: of the latents.
    """

    def __init__(self, channels: int = 20) -> None:
        with torch.device("meta"):
            network = _tiny(channels)
        self.channels, self.factor, self.convention = channels, network.factor, _convention(network, "")
        self.scaling = 1.0
        self._network = Frozen(lambda: _random(channels))


def _convention(network: VAE, path: str) -> MelConvention:
    if network.convention is None:
        raise ValueError(f"{path} holds a VAE of pictures, expected one of mel spectrograms.")
    return network.convention


def _scaling(path: str, stored: float | None) -> float:
    if stored is None:
        raise ValueError(
            f"the VAE {path} has no scaling_factor (scale_factor in a checkpoint file): without it a model trained on "
            "its latents samples noise. Set scaling_factor to 1 / the standard deviation of its latents."
        )
    return stored


def _tiny(channels: int) -> MelVAE:
    return MelVAE(latent_channels=channels, width=16, multipliers=(1, 2), blocks=1, groups=4)


def _random(channels: int) -> MelVAE:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = _tiny(channels)
        network.standardise(torch.full((80,), -3.0), torch.ones(80))  # about where sounds are
    return network
