"""Trained models of every form, to sample from or to start training from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lumina.autoencoders import KLAutoencoder
from lumina.backbone import NextDiT
from lumina.checkpoints.arguments import TEXT_ENCODER, official_arguments, official_vae, pipeline_arguments
from lumina.checkpoints.build import build_module
from lumina.checkpoints.class_rows import rows_by_name
from lumina.checkpoints.diffusers import load_diffusers
from lumina.checkpoints.export import ARGUMENTS, read_export
from lumina.checkpoints.module import read_checkpoint
from lumina.checkpoints.official import find_labels, load_official
from lumina.checkpoints.weights import check_tensors
from lumina.errors import require_extra
from lumina.module import LuminaModule
from lumina.text_encoders import HuggingFaceText

BUNDLED = Path(__file__).parents[1] / "pretrained"
BACKBONE, OBJECTIVE, LABEL_TABLE = "backbone.", "objective.", "conditioners.0.table.weight"
NETWORKS = {"vae": KLAutoencoder, "text_encoder": HuggingFaceText}
FILES = {
    "vae": "config.json and diffusion_pytorch_model.safetensors",
    "text_encoder": "config.json, model*.safetensors* and tokenizer*",
}
Form = Literal["run", "export", "pipeline", "transformer", "official"]


def load_pretrained(
    source: str | Path,
    dtype: torch.dtype = torch.float32,
    text_encoder: str | None = None,
    vae: str | None = None,
) -> LuminaModule:
    """A trained model, in evaluation mode.

    Args:
        source: a checkpoint (``.ckpt``) or run folder of `lumina fit`; a folder that `lumina convert` wrote; a folder
            of a diffusers `LuminaPipeline`; a folder of the authors' ``consolidated*`` weights; or the name of a model
            that comes with this package.
        dtype: of the parameters; bfloat16 keeps the 2B model in 3.3 GB.
        text_encoder: folder or Hugging Face id, in place of a published model's own. The authors' folders hold none:
            FOLDER/text_encoder if it is there, else google/gemma-2b.
        vae: likewise; FOLDER/vae if it is there, else SDXL's.

    Raises:
        FileNotFoundError: if there is no such source, or a part of it is missing.
        ValueError: if it is damaged or another model's.
    """
    path = _find(source)
    form = _form(path)
    if form in ("run", "export") and (text_encoder or vae):
        raise ValueError(f"{path} names its own text encoder and VAE; text_encoder and vae are for published weights.")
    if form == "run":
        arguments, state, path = read_checkpoint(path)
    elif form == "export":
        arguments, state = read_export(path)
    elif form == "official":
        return _official(path, dtype, text_encoder, vae)
    elif form == "transformer":
        load_diffusers(path)
        raise ValueError(
            f"{path} holds a transformer alone; give its pipeline's folder, the one with model_index.json."
        )
    else:
        backbone = load_diffusers(path)
        arguments = pipeline_arguments(path, backbone.config, text_encoder, vae)
        state = _named(backbone)
    return build_module(arguments, state, path, dtype)


def load_backbone(source: str | Path) -> NextDiT:
    """The network alone, in float32, ready to train.

    Args:
        source: as for `load_pretrained`; also the folder of a diffusers transformer.

    Raises:
        FileNotFoundError: if there is no such source.
        ValueError: if it is damaged or another model's.
    """
    path = _find(source)
    form = _form(path)
    if form == "official":
        return load_official(path).float()
    return load_pretrained(path).backbone if form in ("run", "export") else load_diffusers(path).float()


def initialise(module: LuminaModule, source: str | Path) -> None:
    """Starts a module from trained weights, in place; its own arguments stay.

    The backbone's tensors must agree in name and shape, as must those of the source's conditioners; conditioners that
    the source does not have keep their initialisation. Rows that belong to classes (of a label table, of a head's last
    layer) go by the names of the classes; those of new classes start anew, which a warning says. An objective's tensors
    are taken where they agree; a warning names the others.

    Args:
        module: to be trained.
        source: as for `load_pretrained`; also the folder of a diffusers transformer.

    Raises:
        FileNotFoundError: if there is no such source.
        ValueError: listing the tensors that do not agree.
    """
    path = _find(source)
    arguments, tensors = _arguments_and_tensors(path)
    own, state = module.state_dict(), rows_by_name(module, tensors, arguments, source)
    other = [n for n in state if n.startswith(OBJECTIVE) and (n not in own or own[n].shape != state[n].shape)]
    if other:
        warnings.warn(f"{source}: {', '.join(other)} do not fit this model, which trains its own anew.", stacklevel=2)
    state = {name: tensor for name, tensor in state.items() if name not in other}
    expected = {name: own[name].shape for name in own if name.startswith(BACKBONE) or name in state}
    check_tensors(path, expected, state, "the model to be trained")
    with torch.no_grad():
        for name, tensor in state.items():
            own[name].copy_(tensor)


def _arguments_and_tensors(path: Path) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
    """Arguments of our own models, and tensors by their names in `LuminaModule`."""
    form = _form(path)
    if form == "official":
        return {}, _official_tensors(path, load_official(path))
    if form in ("pipeline", "transformer"):
        return {}, _named(load_diffusers(path))
    arguments, state = read_checkpoint(path)[:2] if form == "run" else read_export(path)
    parts = (BACKBONE, "conditioners.", OBJECTIVE)
    return arguments, {name: tensor for name, tensor in state.items() if name.startswith(parts)}


def _official(folder: Path, dtype: torch.dtype, text_encoder: str | None, vae: str | None) -> LuminaModule:
    backbone = load_official(folder)
    state = _official_tensors(folder, backbone)
    labels = len(state[LABEL_TABLE]) if LABEL_TABLE in state else 0
    parts = {"vae": vae or _own(folder / "vae") or official_vae(folder, backbone.config, labels)}
    if not labels:
        parts["text_encoder"] = text_encoder or _own(folder / "text_encoder") or TEXT_ENCODER
    try:
        for part, name in parts.items():
            NETWORKS[part](name)
    except FileNotFoundError as error:
        absent = {part: name for part, name in parts.items() if not Path(name).is_dir()}
        places = "; ".join(f"place {FILES[part]} of {name} in {folder / part}" for part, name in absent.items())
        raise FileNotFoundError(
            f"{folder} holds a backbone alone, and {' or '.join(absent.values())} is not to be had from the Hugging "
            f"Face hub: {places}."
        ) from error
    return build_module(official_arguments(folder, backbone.config, labels, **parts), state, folder, dtype)


def _official_tensors(folder: Path, backbone: NextDiT) -> dict[str, Tensor]:
    labels = find_labels(folder)
    return _named(backbone) | ({} if labels is None else {LABEL_TABLE: labels})


def _named(backbone: nn.Module) -> dict[str, Tensor]:
    return {BACKBONE + name: tensor for name, tensor in backbone.state_dict().items()}


def _own(folder: Path) -> str | None:
    return str(folder) if folder.is_dir() else None


def _find(source: str | Path) -> Path:
    """The source itself if it is of a known form, else the bundled model of that name."""
    path = Path(source)
    if _form(path) is not None:
        return path
    names = sorted(folder.parent.name for folder in BUNDLED.glob(f"*/{ARGUMENTS}"))
    if str(source) in names:
        require_extra(str(source), f"the bundled model {source!r}")  # each has an extra of its name
        return BUNDLED / str(source)
    what = "exists but is none of these" if path.exists() else "does not exist"
    raise FileNotFoundError(
        f"{source} {what}: a .ckpt file or run folder of `lumina fit`, a folder that `lumina convert` wrote "
        f"({ARGUMENTS}), a diffusers pipeline (model_index.json), a folder of the authors' weights (consolidated*), or "
        f"a bundled model ({', '.join(names) or 'none is installed'})."
    )


def _form(path: Path) -> Form | None:
    if path.is_file():
        return "run" if path.suffix == ".ckpt" else None
    if (path / ARGUMENTS).is_file():
        return "export"
    if (path / "model_index.json").is_file():
        return "pipeline"
    if any(path.glob("consolidated*.*-of-*.*")):
        return "official"
    if (path / "config.json").is_file() or (path / "transformer").is_dir():
        return "transformer"
    return "run" if path.is_dir() and next(path.rglob("*.ckpt"), None) else None
