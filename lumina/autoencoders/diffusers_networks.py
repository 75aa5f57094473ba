"""Networks of diffusers, trained and stored by the same code as our own; their folders are diffusers' folders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lumina.audio.conventions import CONVENTIONS, MM_AUDIO
from lumina.autoencoders.moments import cut, deviation, split
from lumina.errors import importing
from lumina.interfaces import VAE
from lumina.values import MelConvention, Posterior


class MMAudioMelVAE(VAE):
    """diffusers' ``MMAudioVAE`` on mel spectrograms ``[B, bands, T]``: magnitudes are preserved instead of normalised.

    The defaults have the size of Lumina-Next's audio VAE, 171,657,218 parameters. Its own weights have the scale 0.417.

    Args:
        mel_bins: bands.
        latent_channels: C.
        hidden_channels: of the first level.
        channel_multipliers: one a level, at least two; the length is halved after the first.
        layers_per_block: blocks of each level of the encoder; the decoder has one more.
        sample_rate: of the sounds.
        n_fft: samples of a window.
        hop_length: samples from one frame to the next.

    Raises:
        ImportError: diffusers is not installed.
        ValueError: there are fewer than two levels.
    """

    last_layer: ClassVar[str] = "network.vae.decoder.conv_out.weight"

    def __init__(
        self,
        mel_bins: int = 80,
        latent_channels: int = 20,
        hidden_channels: int = 384,
        channel_multipliers: Sequence[int] = (1, 2, 4),
        layers_per_block: int = 2,
        sample_rate: int = 16_000,
        n_fft: int = 1024,
        hop_length: int = 256,
    ) -> None:
        super().__init__()
        if len(channel_multipliers) < 2:
            raise ValueError(f"MMAudioMelVAE: channel_multipliers={list(channel_multipliers)} must be two or more.")
        with importing("diffusers", "an MMAudio VAE"):
            from diffusers import MMAudioVAE
        self._settings: dict[str, Any] = {
            "mel_bins": mel_bins,
            "latent_channels": latent_channels,
            "hidden_channels": hidden_channels,
            "channel_multipliers": list(channel_multipliers),
            "layers_per_block": layers_per_block,
            "sample_rate": sample_rate,
            "n_fft": n_fft,
            "hop_length": hop_length,
        }
        self.network: Any = MMAudioVAE(**self._settings)
        self.channels, self.factor = latent_channels, 2
        self.convention = mm_audio(sample_rate, mel_bins, n_fft, hop_length)
        for part in self.modules():
            if isinstance(part, nn.Conv1d):  # such a network expects unit variance of what goes through a convolution
                nn.init.normal_(part.weight, std=1 / math.sqrt(part.weight[0].numel()))

    @property
    def settings(self) -> Mapping[str, Any]:
        """The arguments, under their names."""
        return {"_class_name": "MMAudioVAE", **self._settings}

    @property
    def stored(self) -> nn.Module:
        """Diffusers' network."""
        return self.network

    def encode(self, mel: Tensor) -> Posterior:
        """The posterior of ``[B, bands, T]``; the last frame of an odd number is cut off.

        Raises:
            ValueError: it has another number of bands, or fewer than two frames.
        """
        return split(self.network.vae.encode(cut(mel, self._settings["mel_bins"], self.factor)))

    def decode(self, latents: Tensor) -> Tensor:
        """``[B, C, T / 2]``, not scaled, to ``[B, bands, T]``."""
        return self.network.vae.decode(latents)

    @torch.no_grad()
    def standardise(self, mean: Tensor, std: Tensor) -> None:
        """Takes the mean and the deviation ``[bands]`` of the training data; a deviation counts as at least 0.1."""
        self.network.vae.data_mean.copy_(mean[:, None])
        self.network.vae.data_std.copy_(deviation(std)[:, None])


class PictureVAE(VAE):
    """diffusers' ``AutoencoderKL``, the VAE of Stable Diffusion, on pictures ``[B, 3, H, W]`` in [-1, 1].

    Args:
        latent_channels: C.
        block_out_channels: of each level; the sides are halved between two levels.
        layers_per_block: blocks of each level of the encoder; the decoder has one more.
        norm_num_groups: of the normalisation; they divide the channels of every level.
        mid_block_add_attention: attention between encoder or decoder and the latents.

    Raises:
        ImportError: diffusers is not installed.
        ValueError: diffusers cannot build it.
    """

    last_layer: ClassVar[str] = "network.decoder.conv_out.weight"

    def __init__(
        self,
        latent_channels: int = 4,
        block_out_channels: Sequence[int] = (128, 256, 512, 512),
        layers_per_block: int = 2,
        norm_num_groups: int = 32,
        mid_block_add_attention: bool = True,
    ) -> None:
        super().__init__()
        with importing("diffusers", "an image VAE"):
            from diffusers import AutoencoderKL
        levels = len(block_out_channels)
        self.network: Any = AutoencoderKL(
            latent_channels=latent_channels,
            block_out_channels=list(block_out_channels),
            layers_per_block=layers_per_block,
            norm_num_groups=norm_num_groups,
            mid_block_add_attention=mid_block_add_attention,
            down_block_types=["DownEncoderBlock2D"] * levels,
            up_block_types=["UpDecoderBlock2D"] * levels,
        )
        self.channels, self.factor = latent_channels, 2 ** (levels - 1)

    @classmethod
    def of(cls, **config: Any) -> PictureVAE:
        """The network of diffusers' config.

        Raises:
            TypeError: the config sets what only others of diffusers' networks have.
        """
        ours = ("latent_channels", "block_out_channels", "layers_per_block", "norm_num_groups")
        known = {key: config[key] for key in (*ours, "mid_block_add_attention") if key in config}
        vae = cls(**known)
        free = ("sample_size", "force_upcast")  # neither changes what it computes in float32
        for key, value in config.items():
            if key not in free and value != vae.settings.get(key, value):
                raise TypeError(f"{key}={value!r} is not supported, expected {vae.settings[key]!r}")
        return vae

    @property
    def settings(self) -> Mapping[str, Any]:
        """Diffusers' config."""
        config = {key: value for key, value in dict(self.network.config).items() if not key.startswith("_")}
        return {"_class_name": "AutoencoderKL", **config}

    @property
    def stored(self) -> nn.Module:
        """Diffusers' network."""
        return self.network

    def encode(self, images: Tensor) -> Posterior:
        """The posterior of ``[B, 3, H, W]``; what exceeds a multiple of the factor is cut off below and on the right.

        Raises:
            ValueError: it has another number of channels, or sides shorter than the factor.
        """
        latents = self.network.encode(cut(images, 3, self.factor)).latent_dist
        return Posterior(mean=latents.mean, logvar=latents.logvar)

    def decode(self, latents: Tensor) -> Tensor:
        """``[B, C, H / f, W / f]``, not scaled, to ``[B, 3, H, W]``."""
        return self.network.decode(latents).sample


def mm_audio(rate: int, bands: int, fft: int, hop: int) -> MelConvention:
    """MMAudio's convention at any rate: bands up to the highest frequency, the natural logarithm."""
    convention = replace(MM_AUDIO, rate=rate, bands=bands, fft=fft, hop=hop, high=rate / 2)
    unnamed = replace(convention, name=f"mm_audio_{rate}_{bands}_{fft}_{hop}")
    return next((known for known in CONVENTIONS.values() if replace(convention, name=known.name) == known), unnamed)
