"""Checkpoints of the paper's released code: text-to-image and class-conditional ImageNet Next-DiT.

Text-to-image parameters have the names of `NextDiT`; only the order of the output rows differs. The class-conditional
model names two norms differently and contains a label table, which here belongs to a conditioner.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.files.weights import check_tensors, read_pickle, read_safetensors
from lumina.weights.tensors import OUTPUT_ROWS, channels_first, empty_backbone, fill

LABELS = "y_embedder.embedding_table.weight"
PATCH_SIZE = 2  # of all released models
HEADS = 32  # of all released models
LEADING = ("x_embedder.weight", "layers.0.attention.wk.weight", "final_layer.linear.weight")


def load_official(folder: str | Path) -> NextDiT:
    """Reads a released checkpoint; the architecture follows from the tensors' shapes.

    Args:
        folder: contains ``consolidated_ema.00-of-01.*`` (preferred) or ``consolidated.00-of-01.*``, as ``safetensors``
            or ``pth``, and optionally ``model_args.pth``.

    Returns:
        The backbone, in the dtype of the weights, without the label table of a class-conditional model.

    Raises:
        ValueError: the weights are split into several files, or have no released architecture.
    """
    config, state = read_official(Path(folder))
    state.pop(LABELS, None)
    return fill(empty_backbone(config), state)


def read_official(folder: Path) -> tuple[NextDiTConfig, dict[str, Tensor]]:
    """The architecture and the tensors of a released checkpoint (see `load_official`).

    The tensors have their names in `NextDiT`; a label table keeps its name in the released code, `LABELS`.
    """
    tensors = _read(folder)
    config = _config(tensors, folder)
    model = empty_backbone(config)
    theirs = {name: _their_name(name) if LABELS in tensors else name for name in model.state_dict()}
    expected = {theirs[name]: parameter.shape for name, parameter in model.state_dict().items()}
    if LABELS in tensors:
        expected[LABELS] = torch.Size((tensors[LABELS].shape[0], config.cond_dim))
    check_tensors(folder, expected, tensors)
    state = {name: tensors[theirs[name]] for name in theirs}
    state |= {name: channels_first(state[name], PATCH_SIZE) for name in OUTPUT_ROWS}
    return config, state | ({LABELS: tensors[LABELS].clone()} if LABELS in tensors else {})


def load_official_labels(folder: str | Path) -> Tensor:
    """The label table of a class-conditional checkpoint.

    Args:
        folder: as for `load_official`.

    Returns:
        ``[classes + 1, width of the condition vector]``; the last row is the null label.

    Raises:
        ValueError: the checkpoint has no label table.
    """
    labels = _read(Path(folder)).get(LABELS)
    if labels is None:
        raise ValueError(f"{folder} has no {LABELS}, so it is not class-conditional; load_official() is all it takes.")
    return labels.clone()


def _their_name(name: str) -> str:
    """The name in the class-conditional model, whose norms have weights only after attention and feed-forward."""
    return name.replace(".attention_norm2.", ".attention_norm.").replace(".ffn_norm2.", ".ffn_norm.")


def _config(tensors: Mapping[str, Tensor], folder: Path) -> NextDiTConfig:
    missing = [name for name in LEADING if name not in tensors]
    if missing:
        raise ValueError(
            f"{folder}: {', '.join(missing)} missing among {len(tensors)} tensors; give a checkpoint of the released "
            "text-to-image or class-conditional Next-DiT."
        )
    dim, token_dim = tensors["x_embedder.weight"].shape
    gate, text_key = tensors.get("layers.0.attention.gate"), tensors.get("layers.0.attention.wk_y.weight")
    heads = model_arguments(folder).get("n_heads", HEADS) if gate is None else gate.shape[0]
    labels = LABELS in tensors
    return NextDiTConfig(
        dim=dim,
        num_layers=1 + max(int(match[1]) for name in tensors if (match := re.match(r"layers\.(\d+)\.", name))),
        num_heads=heads,
        num_kv_heads=tensors["layers.0.attention.wk.weight"].shape[0] * heads // dim,
        token_dim=token_dim,
        position_axes=2,
        text_dim=None if text_key is None else text_key.shape[1],
        qk_norm="layer" if "layers.0.attention.q_norm.weight" in tensors else None,
        affine_pre_norm=not labels,
        final_shift=labels,
        learn_sigma=tensors["final_layer.linear.weight"].shape[0] == 2 * token_dim,
        pad_token="pad_token" in tensors,
    )


def model_arguments(folder: Path) -> dict[str, Any]:
    """The arguments of the training run from ``model_args.pth``; empty if there is no such file."""
    path = folder / "model_args.pth"
    if not path.exists():
        return {}
    with torch.serialization.safe_globals([argparse.Namespace]):
        return dict(vars(read_pickle(path)))


def _read(folder: Path) -> dict[str, Tensor]:
    """All tensors, memory-mapped."""
    path = _weights_file(folder)
    tensors: dict[str, Tensor] = (read_safetensors if path.suffix == ".safetensors" else read_pickle)(path)
    return tensors


def _weights_file(folder: Path) -> Path:
    for stem in ("consolidated_ema", "consolidated"):
        for suffix in ("safetensors", "pth"):
            files = sorted(folder.glob(f"{stem}.*-of-*.{suffix}"))
            if files and files[0].name != f"{stem}.00-of-01.{suffix}":
                raise ValueError(
                    f"{folder}: expected the one file {stem}.00-of-01.{suffix}, got {files[0].name}, a part of a "
                    "model-parallel checkpoint; merge the parts with the code that wrote them first."
                )
            if files:
                return files[0]
    raise FileNotFoundError(
        f"{folder} holds no consolidated*.00-of-01.safetensors or .pth; give a released checkpoint."
    )
