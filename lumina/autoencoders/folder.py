"""VAEs on disk: a folder of ``config.json`` and weights, as diffusers has them, or a checkpoint of Make-An-Audio.

The scale of the latents stands in ``config.json`` as ``scaling_factor``; without one the VAE can be trained on, but
serves no backbone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from lumina.autoencoders.diffusers_networks import MMAudioMelVAE, PictureVAE
from lumina.autoencoders.mel_vae import MelVAE
from lumina.autoencoders.released import read_released, released_settings
from lumina.errors import importing
from lumina.files.atomic import replacing
from lumina.files.weights import check_tensors, read_json, read_safetensors
from lumina.interfaces import VAE

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
CLASS, SCALE = "_class_name", "scaling_factor"
_REMEDY = (
    f"download {CONFIG} and {WEIGHTS} into one folder, and set path to that folder. `lumina convert RUN FOLDER` makes "
    "such a folder of a VAE that you trained."
)
NETWORKS: dict[Any, Callable[..., VAE]] = {
    "MelVAE": MelVAE,
    "MMAudioVAE": MMAudioMelVAE,
    "AutoencoderKL": PictureVAE.of,
}


def save_autoencoder(network: VAE, folder: Path) -> None:
    """Writes ``config.json`` and the weights; a folder that is there already keeps its other files.

    Args:
        network: to be stored.
        folder: made if it does not exist.
    """
    scale = float(str(np.float32(network.scale_factor.item())))  # float32's digits: what was read is written again
    settings = {**network.settings, SCALE: scale or None}
    tensors = {name: tensor.contiguous() for name, tensor in _tensors(network).items()}
    with replacing(folder / WEIGHTS) as file:
        save_file(tensors, file, metadata={"format": "pt"})
    with replacing(folder / CONFIG) as file:
        file.write_text(json.dumps(settings, indent=2) + "\n")


def load_autoencoder(path: str | Path) -> VAE:
    """The VAE of a folder, of a model on the Hugging Face hub, or of a checkpoint file, on the CPU.

    Args:
        path: of the folder or file, or the model's id.

    Raises:
        FileNotFoundError: it is neither on this machine nor on the hub.
        ValueError: the files are damaged, or describe an unknown VAE.
    """
    settings = read_settings(path)
    with torch.device("meta"):
        network = build(settings, path)
    file, tensors = _read_tensors(path)
    check_tensors(file, {name: tensor.shape for name, tensor in _tensors(network).items()}, tensors, "this VAE")
    network.stored.load_state_dict(tensors, strict=False, assign=True)
    network.scale_factor = torch.tensor(settings[SCALE] or 0.0)
    return network.float()


def read_settings(path: str | Path) -> dict[str, Any]:
    """What builds the VAE, and its ``scaling_factor``; of a checkpoint file they are read from its tensors.

    Raises:
        FileNotFoundError: it is neither on this machine nor on the hub.
        ValueError: the file is damaged.
    """
    if Path(path).is_file():
        return released_settings(Path(path))
    settings = {SCALE: None, **read_json(find(path, CONFIG))}
    if not isinstance(settings[SCALE], int | float | None):
        raise ValueError(f"{path}/{CONFIG}: {SCALE}={settings[SCALE]!r} must be a number.")
    return settings


def build(settings: Mapping[str, Any], source: str | Path) -> VAE:
    """The network that settings describe, with fresh weights and without a scale.

    Args:
        settings: as `read_settings` gives them.
        source: where they come from, for the message.

    Raises:
        ValueError: they describe none.
    """
    name = settings.get(CLASS)
    if name not in NETWORKS:
        raise ValueError(f"{source} holds a {name}, expected one of {', '.join(NETWORKS)} (_class_name in {CONFIG}).")
    arguments = {key: value for key, value in settings.items() if not key.startswith("_") and key != SCALE}
    try:
        return NETWORKS[name](**arguments)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, IndexError) as error:
        raise ValueError(f"{source} describes a {name} that cannot be built: {error}") from error


def find(path: str | Path, name: str) -> Path:
    """A file of a local folder or of a model on the Hugging Face hub.

    Raises:
        FileNotFoundError: it is not there.
    """
    if Path(path).is_dir():
        if not (Path(path) / name).is_file():
            raise FileNotFoundError(f"{path} has no {name}: give the folder of a VAE, with {CONFIG} and {WEIGHTS}.")
        return Path(path) / name
    if Path(path).parent.name and Path(path).parent.is_dir():  # a path beside others rather than the name of a model
        raise FileNotFoundError(f"there is no VAE at {path}: {_REMEDY}")
    with importing("huggingface-hub", "a VAE from the hub"):
        from huggingface_hub import hf_hub_download
    try:
        return Path(hf_hub_download(str(path), name))
    except (OSError, ValueError) as error:  # a ValueError where the path cannot be the name of a model
        raise FileNotFoundError(
            f"VAE {str(path)!r} is neither a local folder or file nor available from the Hugging Face hub: {_REMEDY}"
        ) from error


def _read_tensors(path: str | Path) -> tuple[Path, dict[str, Tensor]]:
    if Path(path).is_file():
        return Path(path), read_released(Path(path)).tensors
    file = find(path, WEIGHTS)
    return file, read_safetensors(file)


def _tensors(network: VAE) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in network.stored.state_dict().items() if name != "scale_factor"}
