"""Writes an exported model, which `lumina.weights.export` reads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file

from lumina.checkpoints.pretrained import TRAINING
from lumina.module import LuminaModule
from lumina.weights.export import ARGUMENTS, WEIGHTS, copied

NETWORKS = ("path", "tokenizer")  # arguments that may name the folder of a pretrained network


def save_export(module: LuminaModule, folder: Path, copy: bool = True) -> None:
    """Writes a model that `lumina.checkpoints.pretrained.load_pretrained` reads.

    Args:
        module: its weights are written in their dtype; it must have been built from plain arguments (`hparams`).
        folder: the output folder.
        copy: copy pretrained networks (VAE, text encoder) in local folders into it; otherwise the export works only on
            this machine.

    Raises:
        ValueError: the module has no plain arguments, or weights that are not finite.
    """
    _check_finite(module)
    folder.mkdir(parents=True, exist_ok=True)
    leaf = _copier(folder) if copy else _absolute
    arguments = {key: value for key, value in plain_arguments(module).items() if key not in TRAINING}
    arguments["backbone"] = {**arguments["backbone"], **_widths(module)}
    text = yaml.safe_dump(copied(arguments, leaf), sort_keys=False, allow_unicode=True)
    state = {n: t.detach().cpu().contiguous() for n, t in module.state_dict().items() if not n.startswith("metrics.")}
    save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / ARGUMENTS).write_text(f"# A model exported by lumina; paths are relative to this folder.\n{text}")


def plain_arguments(module: LuminaModule) -> dict[str, Any]:
    """The arguments from which a module was built, as plain data.

    Raises:
        ValueError: the module was built from Python objects.
    """
    if "modality" not in module.hparams:
        raise ValueError(
            "this module was built from Python objects, so it has no plain arguments to rebuild it; load it from a "
            "checkpoint of `lumina fit`."
        )
    return {key: value for key, value in dict(module.hparams).items() if not key.startswith("_")}


def _absolute(key: str, value: Any) -> Any:
    if key == "cache":  # of the training data
        return None
    if _is_network(key, value):
        return str(Path(value).resolve())
    return str(value) if isinstance(value, Path) else value


def _is_network(key: str, value: Any) -> bool:
    return key in NETWORKS and isinstance(value, (str, Path)) and os.path.isdir(value)


def _copier(folder: Path) -> Callable[[str, Any], Any]:
    names: dict[str, str] = {}

    def leaf(key: str, value: Any) -> Any:
        source = _absolute(key, value)
        if not _is_network(key, value):
            return source
        if source not in names:
            name = Path(source).name
            names[source] = name if name not in names.values() else f"{name}_{len(names)}"
            shutil.copytree(source, folder / names[source], ignore=_needless)
        return names[source]

    return leaf


def _needless(folder: str, names: list[str]) -> set[str]:
    """Hidden files, and pickles beside the same weights as safetensors."""
    pickles = (".bin", ".pt", ".pth") if any(name.endswith(".safetensors") for name in names) else ()
    return {name for name in names if name.startswith(".") or name.endswith(pickles)}


def _widths(module: LuminaModule) -> dict[str, int]:
    """The backbone's widths that follow from other parts; they complete the stored architecture."""
    config = module.backbone.config
    widths = {"token_dim": config.token_dim, "position_axes": config.position_axes, "text_dim": config.text_dim}
    return {name: width for name, width in widths.items() if width is not None}


def _check_finite(module: LuminaModule) -> None:
    strange = [name for name, tensor in module.named_parameters() if not bool(torch.isfinite(tensor).all())]
    if strange:
        raise ValueError(
            f"{len(strange)} tensors ({strange[0]}, ...) hold values that are not finite: the model diverged, or its "
            "weights do not fit into float16; choose bfloat16 or float32."
        )
