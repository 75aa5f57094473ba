"""The compared implementations, all with the same weights."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

import torch
import torch._dynamo
from torch import Tensor, nn

from benchmarks.cases import CHANNELS, PATCH, Inputs
from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints import load_diffusers, save_diffusers
from lumina.values import Conditioning, Tokens
from modalities.image import Image

Precision = Literal["fp32", "bf16"]

NAMES = ("diffusers", "lumina", "lumina compiled")
TABLE_SIDE = 384  # of the rotary table that diffusers' pipeline hands to its model


class Variant(ABC):
    """An implementation of the model under comparison.

    Args:
        model: with the weights to compare.
        device: where to run.
        precision: "bf16" is autocast.

    Class attributes:
        first_layer: name of the input embedding's weight, which all variants share, so that gradients can be compared.
    """

    first_layer: str

    def __init__(self, model: nn.Module, device: torch.device, precision: Precision) -> None:
        self.model = copy.deepcopy(model).to(device)
        self.device, self.precision = device, precision

    @abstractmethod
    def predict(self, inputs: Inputs) -> list[Tensor]:
        """The model's own outputs."""

    @abstractmethod
    def as_tokens(self, outputs: list[Tensor]) -> Tensor:
        """Outputs in a form that all variants share: ``[B, L, F]``, padding zero."""

    @torch.no_grad()
    def forward(self, inputs: Inputs) -> list[Tensor]:
        """Prediction without gradients."""
        return self._predict(inputs)

    def train(self, inputs: Inputs) -> Tensor:
        """Forward and backward; the gradient at the input embedding."""
        self.model.zero_grad()
        loss = torch.stack([output.float().square().sum() for output in self._predict(inputs)]).sum()
        torch.autograd.backward(loss)
        gradient = self.model.get_parameter(self.first_layer).grad
        if gradient is None:
            raise RuntimeError(f"the training step left no gradient at {self.first_layer}.")
        return gradient

    def _predict(self, inputs: Inputs) -> list[Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            return self.predict(inputs)


class Diffusers(Variant):
    """``LuminaNextDiT2DModel``; mixed sizes take a call for each sample, the rotary table is given and not timed.

    Args:
        folder: what `save_weights` wrote.
        device: where to run.
        precision: "bf16" is autocast.
    """

    first_layer = "patch_embedder.proj.weight"

    def __init__(self, folder: Path, device: torch.device, precision: Precision) -> None:
        import diffusers
        from diffusers.models import embeddings

        model = diffusers.LuminaNextDiT2DModel.from_pretrained(folder)
        super().__init__(model, device, precision)
        head_dim = model.config["hidden_size"] // model.config["num_attention_heads"]
        table = embeddings.get_2d_rotary_pos_embed_lumina(head_dim, TABLE_SIDE, TABLE_SIDE)
        self.table: Tensor = table.to(device)

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
    """`NextDiT`; mixed sizes are one padded batch, which it packs; patchifying and rotary table are timed.

    Args:
        folder: what `save_weights` wrote.
        device: where to run.
        precision: "bf16" is autocast.
        compiled: block by block.
    """

    first_layer = "x_embedder.weight"
    model: NextDiT

    def __init__(self, folder: Path, device: torch.device, precision: Precision, compiled: bool) -> None:
        super().__init__(load_diffusers(folder), device, precision)
        if compiled:
            # each combination of one or several samples, packed or not, with or without gradients, compiles separately
            torch._dynamo.config.recompile_limit = 32
            torch._dynamo.config.fail_on_recompile_limit_hit = True  # or "compiled" could quietly mean eager
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


def load_variant(name: str, folder: Path, device: torch.device, precision: Precision) -> Variant:
    """One of `NAMES`."""
    if name == "diffusers":
        return Diffusers(folder, device, precision)
    return Lumina(folder, device, precision, compiled=name == "lumina compiled")
