"""The VAE of mel spectrograms of Make-An-Audio 2 and Lumina-Next: convolutions along time, bands as channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.audio.conventions import CONVENTIONS
from lumina.autoencoders.layers import Downsample, Level, Middle, Style, Upsample, conv, norm
from lumina.autoencoders.linear import LinearPath
from lumina.autoencoders.moments import cut, deviation, split
from lumina.interfaces import VAE
from lumina.values import Posterior

FIRST_LOGVAR = -6.0
"""Of the latents of a linear autoencoder, whose means have unit variance."""


class MelVAE(VAE):
    """Mel spectrograms ``[B, bands, T]`` to latents ``[B, channels, T / 2]`` and back, of any length.

    The defaults are the layout of Lumina-Next's audio models, 212,958,212 parameters under the names of the released
    files. Bands are standardised by the mean and the deviation of the training data, which are buffers.

    Args:
        latent_channels: C.
        width: channels of the first level.
        multipliers: of the width, one a level.
        blocks: of each level of the encoder; the decoder has one more.
        down_levels: levels of the encoder that halve the length after their blocks; not the last.
        encoder_kernel: of the encoder's blocks, and of the first and last convolution of encoder and decoder; odd.
        decoder_kernel: of the decoder's blocks; odd.
        groups: of the normalisation; they divide the channels of every level.
        dropout: inside the blocks.
        linear: add a linear autoencoder, which starts from the principal components of the training data; the rest
            starts from nothing and learns what is better. Small networks are good much sooner.
        convention: name of the spectrograms' convention, which says how many bands there are.

    Raises:
        ValueError: for arguments that make no network.
    """

    last_layer: ClassVar[str] = "decoder.conv_out.weight"

    def __init__(
        self,
        latent_channels: int = 20,
        width: int = 384,
        multipliers: Sequence[int] = (1, 2, 4),
        blocks: int = 2,
        down_levels: Sequence[int] = (0,),
        encoder_kernel: int = 5,
        decoder_kernel: int = 3,
        groups: int = 32,
        dropout: float = 0.0,
        linear: bool = False,
        convention: str = "make_an_audio",
    ) -> None:
        super().__init__()
        self._settings: dict[str, Any] = {
            "latent_channels": latent_channels,
            "width": width,
            "multipliers": list(multipliers),
            "blocks": blocks,
            "down_levels": list(down_levels),
            "encoder_kernel": encoder_kernel,
            "decoder_kernel": decoder_kernel,
            "groups": groups,
            "dropout": dropout,
            "linear": linear,
            "convention": convention,
        }
        _check(**self._settings)
        self.convention = CONVENTIONS[convention]
        self.channels, self.factor = latent_channels, 2 ** len(down_levels)
        bands, widths = self.convention.bands, [width * multiplier for multiplier in multipliers]
        style = Style(kernel=encoder_kernel, groups=groups, dropout=dropout)
        self.encoder = Encoder(bands, 2 * latent_channels, widths, blocks, down_levels, style)
        style = replace(style, kernel=decoder_kernel)
        self.decoder = Decoder(latent_channels, bands, widths, blocks + 1, down_levels, style, encoder_kernel)
        self.quant_conv = conv(2 * latent_channels, 2 * latent_channels, 1)
        self.post_quant_conv = conv(latent_channels, latent_channels, 1)
        self.linear = LinearPath(bands, latent_channels, self.factor) if linear else None
        if linear:
            for parameter in (*self.quant_conv.parameters(), *self.decoder.conv_out.parameters()):
                nn.init.zeros_(parameter)
            logvar = torch.full((latent_channels,), FIRST_LOGVAR)
            self.quant_conv.bias = nn.Parameter(torch.cat((torch.zeros(latent_channels), logvar)))
        self.register_buffer("band_mean", torch.zeros(bands, 1))
        self.register_buffer("band_std", torch.ones(bands, 1))
        self.band_mean: Tensor
        self.band_std: Tensor

    @property
    def settings(self) -> Mapping[str, Any]:
        """The arguments, under their names."""
        return {"_class_name": "MelVAE", **self._settings}

    def encode(self, mel: Tensor) -> Posterior:
        """The posterior of ``[B, bands, T]``; the last ``T % factor`` frames are cut off.

        Raises:
            ValueError: it has another number of bands, or fewer frames than ``factor``.
        """
        standard = (cut(mel, len(self.band_mean), self.factor) - self.band_mean) / self.band_std
        moments = self.quant_conv(self.encoder(standard))
        if self.linear is not None:
            moments = moments + F.pad(self.linear.encode(standard), (0, 0, 0, self.channels))
        return split(moments)

    def decode(self, latents: Tensor) -> Tensor:
        """``[B, C, T / factor]``, not scaled, to ``[B, bands, T]``."""
        standard = self.decoder(self.post_quant_conv(latents))
        if self.linear is not None:
            standard = standard + self.linear.decode(latents)
        return standard * self.band_std + self.band_mean

    @torch.no_grad()
    def standardise(self, mean: Tensor, std: Tensor) -> None:
        """Takes the mean and the deviation ``[bands]`` of the training data; a deviation counts as at least 0.1."""
        self.band_mean.copy_(mean[:, None])
        self.band_std.copy_(deviation(std)[:, None])

    def begin(self, batches: Iterable[tuple[Tensor, Tensor | None]]) -> None:
        """Gives the linear autoencoder, if there is one, the principal components of training data."""
        if self.linear is not None:
            self.linear.fit(((mel - self.band_mean) / self.band_std, mask) for mel, mask in batches)


class Encoder(nn.Module):
    """Bands to the moments of the posterior.

    Args:
        inputs: channels.
        outputs: channels.
        widths: channels of each level.
        blocks: of each level.
        down_levels: levels that halve the length after their blocks.
        style: of the blocks; the first and the last convolution have its kernel.
    """

    def __init__(
        self, inputs: int, outputs: int, widths: Sequence[int], blocks: int, down_levels: Sequence[int], style: Style
    ) -> None:
        super().__init__()
        self.conv_in = conv(inputs, widths[0], style.kernel)
        self.down = nn.ModuleList()
        for level, (before, after) in enumerate(pairwise([widths[0], *widths])):
            halving = {"downsample": Downsample(after)} if level in down_levels else {}
            self.down.append(Level(before, after, blocks, style, **halving))
        self.mid = Middle(widths[-1], style)
        self.norm_out, self.conv_out = norm(widths[-1], style.groups), conv(widths[-1], outputs, style.kernel)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, inputs, T]`` to ``[B, outputs, T / factor]``."""
        h = self.conv_in(x)
        for down in self.down:
            h = down(h)
        return self.conv_out(F.silu(self.norm_out(self.mid(h))))


class Decoder(nn.Module):
    """Latents to bands: the levels of the encoder from the last to the first.

    Args:
        inputs: channels.
        outputs: channels.
        widths: channels of each level of the encoder.
        blocks: of each level.
        down_levels: levels of the encoder that halve the length; the level above each doubles it after its blocks.
        style: of the blocks.
        kernel: of the first and the last convolution; odd.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: Sequence[int],
        blocks: int,
        down_levels: Sequence[int],
        style: Style,
        kernel: int,
    ) -> None:
        super().__init__()
        self.conv_in = conv(inputs, widths[-1], kernel)
        self.mid = Middle(widths[-1], style)
        self.up = nn.ModuleList()
        for level, (after, before) in enumerate(pairwise([*widths, widths[-1]])):
            doubling = {"upsample": Upsample(after)} if level - 1 in down_levels else {}
            self.up.append(Level(before, after, blocks, style, **doubling))
        self.norm_out, self.conv_out = norm(widths[0], style.groups), conv(widths[0], outputs, kernel)

    def forward(self, z: Tensor) -> Tensor:
        """``[B, inputs, T / factor]`` to ``[B, outputs, T]``."""
        h = self.mid(self.conv_in(z))
        for up in reversed(self.up):
            h = up(h)
        return self.conv_out(F.silu(self.norm_out(h)))


def _check(
    *,
    convention: str,
    latent_channels: int,
    width: int,
    multipliers: Sequence[int],
    blocks: int,
    down_levels: Sequence[int],
    encoder_kernel: int,
    decoder_kernel: int,
    groups: int,
    dropout: float,
    linear: bool,
) -> None:
    if convention not in CONVENTIONS:
        raise ValueError(f"MelVAE: convention {convention!r} is unknown; expected one of {', '.join(CONVENTIONS)}.")
    if not multipliers or min(latent_channels, width, blocks, groups, *multipliers) < 1:
        raise ValueError(
            "MelVAE: latent_channels, width, blocks, groups and every multiplier must be at least 1, got "
            f"{latent_channels}, {width}, {blocks}, {groups} and {list(multipliers)}."
        )
    if any(width * multiplier % groups for multiplier in multipliers):
        raise ValueError(
            f"MelVAE: groups={groups} must divide the channels of every level, got "
            f"{[width * multiplier for multiplier in multipliers]}."
        )
    if len(set(down_levels)) < len(down_levels) or not set(down_levels) <= set(range(len(multipliers) - 1)):
        raise ValueError(
            f"MelVAE: down_levels={list(down_levels)} must be different levels below the last of the "
            f"{len(multipliers)} (0 is the first)."
        )
    if min(encoder_kernel, decoder_kernel) < 1 or encoder_kernel % 2 == 0 or decoder_kernel % 2 == 0:
        raise ValueError(f"MelVAE: kernels must be odd, got {encoder_kernel} and {decoder_kernel}.")
    if linear and latent_channels > (most := CONVENTIONS[convention].bands * 2 ** len(down_levels)):
        raise ValueError(f"MelVAE: linear=true has at most {most} latent_channels, got {latent_channels}.")
    if not 0 <= dropout < 1:
        raise ValueError(f"MelVAE: dropout={dropout} must be at least 0 and below 1.")
