"""The competitors, all with the same weights.

Each copies what it loads: parameters mapped from a file are not aligned as those of a trained model are.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.cases import CHANNELS, PATCH, Inputs
from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints import load_diffusers, save_diffusers
from lumina.interfaces import Conditioning, Tokens
from modalities.image import Image

NAMES = ("diffusers", "lumina", "lumina compiled")
TABLE_SIDE = 384  # of the rotary table that diffusers' pipeline hands to its model


class Variant(ABC):
    """A model and how it is called.

    Attributes:
        model: the network.
        first: its input embedding; of all variants alike, so gradients can be compared there.
    """

    model: nn.Module
    first: nn.Linear

    @abstractmethod
    def predict(self, inputs: Inputs) -> list[Tensor]:
        """The model's own outputs."""

    @abstractmethod
    def as_tokens(self, outputs: list[Tensor]) -> Tensor:
        """Outputs in a form that all variants share: ``[B, L, F]``, padding zero."""

    @torch.no_grad()
    def forward(self, inputs: Inputs) -> list[Tensor]:
        """Prediction without gradients."""
        return self.predict(inputs)

    def train(self, inputs: Inputs) -> None:
        """Forward and backward; gradients are left on the parameters."""
        self.model.zero_grad()
        torch.stack([output.float().square().sum() for output in self.predict(inputs)]).sum().backward()


class Diffusers(Variant):
    """``LuminaNextDiT2DModel``; mixed sizes take a call for each sample, the rotary table is given and not timed."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """Loads the weights.

        Args:
            folder: what `save_weights` wrote.
            device: where to run.
        """
        from diffusers import LuminaNextDiT2DModel
        from diffusers.models.embeddings import get_2d_rotary_pos_embed_lumina

        self.model: Any = copy.deepcopy(LuminaNextDiT2DModel.from_pretrained(folder)).to(device)
        self.first = self.model.patch_embedder.proj
        head_dim = self.model.config.hidden_size // self.model.config.num_attention_heads
        self.table = get_2d_rotary_pos_embed_lumina(head_dim, TABLE_SIDE, TABLE_SIDE).to(device)

    def predict(self, inputs: Inputs) -> list[Tensor]:
        """``[B, C, H, W]``, or ``[1, C, H, W]`` of each sample."""
        if isinstance(inputs.images, Tensor):
            return [self._call(inputs.images, inputs.t, inputs.text, inputs.text_mask)]
        samples = zip(inputs.images, inputs.t, inputs.text, inputs.text_mask, strict=True)
        return [self._call(*(part.unsqueeze(0) for part in sample)) for sample in samples]

    def as_tokens(self, outputs: list[Tensor]) -> Tensor:
        """Patchified."""
        return tokenize([image for images in outputs for image in images]).features

    def _call(self, images: Tensor, t: Tensor, text: Tensor, text_mask: Tensor) -> Tensor:
        output: Tensor = self.model(images, t, text, text_mask, self.table, cross_attention_kwargs={}).sample
        return output


class Lumina(Variant):
    """`NextDiT`; mixed sizes are one padded batch, which it packs; patchifying and rotary table are timed."""

    def __init__(self, folder: Path, device: torch.device, compiled: bool) -> None:
        """Loads the weights.

        Args:
            folder: what `save_weights` wrote.
            device: where to run.
            compiled: block by block.
        """
        self.model: NextDiT = copy.deepcopy(load_diffusers(folder)).to(device)
        self.first = self.model.x_embedder
        if compiled:
            self.model.compile_blocks()

    def predict(self, inputs: Inputs) -> list[Tensor]:
        """``[B, L, F]``."""
        cond = Conditioning(cross=inputs.text, cross_mask=inputs.text_mask)
        return [self.model.predict(tokenize(inputs.images), inputs.t, cond)]

    def as_tokens(self, outputs: list[Tensor]) -> Tensor:
        """As they are."""
        return outputs[0]


def tokenize(images: Tensor | list[Tensor]) -> Tokens:
    """Latents to tokens, by the modality that does it in training."""
    return Image(size=(PATCH, PATCH), channels=CHANNELS, patch_size=PATCH).tokenize(images, {})


def save_weights(config: NextDiTConfig, folder: Path) -> None:
    """A backbone whose every parameter is random, those that start at zero too, in diffusers' format."""
    model = NextDiT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
            else:
                parameter.normal_(std=1 / math.sqrt(parameter.shape[1]))
    save_diffusers(model, folder, PATCH)


def load_variant(name: str, folder: Path, device: torch.device) -> Variant:
    """One of `NAMES`."""
    return Diffusers(folder, device) if name == "diffusers" else Lumina(folder, device, name == "lumina compiled")
