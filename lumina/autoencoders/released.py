"""Checkpoint files of Make-An-Audio 2 and Lumina-Next, which hold the VAE alone or together with the model on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina.files.weights import read_pickle, read_safetensors

PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
PREFIX, SCALE = "first_stage_model.", "scale_factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a file holds of a VAE.

    Attributes:
        tensors: of the VAE, under their own names.
        scale: of the latents, where the file has a model on them.
    """

    tensors: dict[str, Tensor]
    scale: float | None


def read_released(path: Path) -> Released:
    """Reads a file of `torch.save` or a safetensors file; its bands are not standardised.

    Raises:
        ValueError: the file is damaged, unsafe, or has no VAE.
    """
    content: Any = read_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path)
    state: Any = content.get("state_dict", content) if isinstance(content, Mapping) else {}
    named: dict[str, Any] = {str(name): value for name, value in state.items()} if isinstance(state, Mapping) else {}
    prefix = PREFIX if any(name.startswith(PREFIX) for name in named) else ""
    parts = tuple(prefix + part for part in PARTS)
    tensors = {
        name.removeprefix(prefix): value
        for name, value in named.items()
        if isinstance(value, Tensor) and name.startswith(parts)
    }
    if "encoder.conv_in.weight" not in tensors or "post_quant_conv.weight" not in tensors:
        raise ValueError(
            f"{path} holds no VAE of mel spectrograms: expected tensors named encoder.*, decoder.*, quant_conv.* and "
            f"post_quant_conv.*, with or without {PREFIX} before them."
        )
    bands = tensors["encoder.conv_in.weight"].shape[1]
    tensors |= {"band_mean": torch.zeros(bands, 1), "band_std": torch.ones(bands, 1)}
    scale = named.get(SCALE)
    return Released(tensors=tensors, scale=float(scale) if isinstance(scale, Tensor) and scale.numel() == 1 else None)


def released_settings(path: Path) -> dict[str, Any]:
    """The arguments of `MelVAE`, from the shapes of the file's tensors, and the ``scaling_factor``.

    Raises:
        ValueError: the file is damaged, unsafe, or has no such VAE.
    """
    released = read_released(path)
    shape = {name: list(tensor.shape) for name, tensor in released.tensors.items()}
    levels = [*takewhile(lambda n: f"encoder.down.{n}.block.0.conv1.weight" in shape, count())]
    try:
        width = shape["encoder.conv_in.weight"][0]
        return {
            "_class_name": "MelVAE",
            "latent_channels": shape["post_quant_conv.weight"][1],
            "width": width,
            "multipliers": [shape[f"encoder.down.{level}.block.0.conv1.weight"][0] // width for level in levels],
            "blocks": len([name for name in shape if name.startswith("encoder.down.0.") and "conv1.weight" in name]),
            "down_levels": [level for level in levels if f"encoder.down.{level}.downsample.conv.weight" in shape],
            "encoder_kernel": shape["encoder.conv_in.weight"][2],
            "decoder_kernel": shape["decoder.mid.block_1.conv1.weight"][2],
            "groups": 32,  # not visible in any shape; that code always has 32
            "scaling_factor": released.scale,
        }
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise ValueError(f"{path} holds a VAE of another kind than those of mel spectrograms ({error}).") from error
