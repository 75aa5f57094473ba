"""Pretrained image VAEs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina.autoencoders.decoding import decodes
from lumina.config.locate import locate
from lumina.errors import importing
from lumina.frozen.network import Frozen, fingerprint
from lumina.interfaces import Autoencoder

SD_SCALING = 0.18215  # diffusers' default for configs that are older than the key

PIXELS_AT_ONCE = 4 * 1024**2
"""Of the pictures that go through the network together: memory does not grow with the batch beyond that."""
PIXELS_AT_ONCE_CPU = 64 * 1024
"""The same on a CPU, where small parts stay in its caches: twice as fast at 64 pixels."""


class KLAutoencoder(Autoencoder):
    """diffusers' AutoencoderKL, frozen, in float32. Its config is read at once, its weights at first use.

    The latent of a picture is the mean of the posterior. It is deterministic, so it can be cached.

    Args:
        path: a local folder, or a Hugging Face model id such as ``stabilityai/sd-vae-ft-ema``, or
            ``package:NAME/FOLDER``, a folder inside an installed Python package.
        scaling_factor: latents are ``(z - shift) * scaling``; None = the value in the VAE's config
            (0.18215 SD, 0.13025 SDXL, 1.5305 SD3).

    Raises:
        ImportError: diffusers is not installed.
        ValueError: the scaling factor is not positive.
        FileNotFoundError: the VAE is neither a local folder nor available from the hub.
    """

    def __init__(self, path: str, scaling_factor: float | None = None) -> None:
        location = str(locate(path))
        config = _vae_class().load_config(location) if Path(location).is_dir() else _hub_config(location)
        self.channels = int(config["latent_channels"])
        self.factor = 2 ** (len(config["block_out_channels"]) - 1)
        self.scaling = _scaling(path, config) if scaling_factor is None else scaling_factor
        if not self.scaling > 0:
            raise ValueError(f"KLAutoencoder: scaling_factor={self.scaling} must be positive, such as 0.18215.")
        self.shift = config.get("shift_factor") or 0.0
        self._network = Frozen(lambda: _vae_class().from_pretrained(location))

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Shift, scale and a hash of the encoder's weights; loads the weights."""
        network = self._network.on(torch.device("cpu"))
        facts = {"channels": self.channels, "factor": self.factor, "scaling": self.scaling, "shift": self.shift}
        encoder = {name: weight for name, weight in network.named_parameters() if not decodes(name)}
        return {**facts, "weights": fingerprint(encoder)}

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """``(mean - shift) * scaling`` with the posterior mean; ``[B, 3, H, W]`` to ``[B, C, H / f, W / f]``."""
        network = self._network.on(images.device)
        with torch.autocast(images.device.type, enabled=False):
            parts = images.float().split(_at_once(images.shape[-2] * images.shape[-1], images.device))
            mean = torch.cat([network.encode(part).latent_dist.mode() for part in parts])
        return ((mean - self.shift) * self.scaling).to(images.dtype)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """The reverse of `encode`; pixels are about in [-1, 1], not clipped."""
        network = self._network.on(latents.device)
        with torch.autocast(latents.device.type, enabled=False):
            unscaled = latents.float() / self.scaling + self.shift
            parts = unscaled.split(_at_once(latents.shape[-2] * latents.shape[-1] * self.factor**2, latents.device))
            return torch.cat([network.decode(part).sample for part in parts])


class RandomAutoencoder(KLAutoencoder):
    """A tiny AutoencoderKL with seeded random weights: correct shapes without a download, to try an experiment.

    Args:
        channels: of the latents.
        levels: number of resolutions; the latents are ``2 ** (levels - 1)`` times smaller than the pictures.
    """

    def __init__(self, channels: int = 4, levels: int = 4) -> None:
        self.channels, self.factor, self.scaling, self.shift = channels, 2 ** (levels - 1), 1.0, 0.0
        self._network = Frozen(lambda: _random_vae(channels, levels))


def _at_once(pixels: int, device: torch.device) -> int:
    """How many pictures of so many pixels go through the network together."""
    return max(1, (PIXELS_AT_ONCE_CPU if device.type == "cpu" else PIXELS_AT_ONCE) // pixels)


def _scaling(path: str, config: Mapping[str, Any]) -> float:
    if config.get("scaling_factor") is None:
        warnings.warn(
            f"the config of the VAE {path} has no scaling_factor; using Stable Diffusion's, {SD_SCALING}. Set "
            "scaling_factor if the VAE needs a different one.",
            stacklevel=3,
        )
        return SD_SCALING
    return float(config["scaling_factor"])


def _vae_class() -> Any:
    with importing("diffusers", "an image VAE"):
        from diffusers import AutoencoderKL
    return AutoencoderKL


def _hub_config(path: str) -> dict[str, Any]:
    try:
        return dict(_vae_class().load_config(path))
    except OSError as error:
        raise FileNotFoundError(
            f"VAE {path!r} is neither a local folder nor available from the Hugging Face hub; download config.json and "
            "diffusion_pytorch_model.safetensors into one folder, and set path to that folder."
        ) from error


def _random_vae(channels: int, levels: int) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return _vae_class()(
            latent_channels=channels,
            block_out_channels=(8,) * levels,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            layers_per_block=1,
            norm_num_groups=4,
        )
