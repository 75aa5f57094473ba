"""Reads and writes weights in the format of diffusers' ``LuminaNextDiT2DModel`` without diffusers.

In this format the query of cross-attention is a separate module (``attn2.to_q``, ``attn2.norm_q``), although the
architecture shares it with self-attention. Released files contain the same values twice; files trained in diffusers may
not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.files.atomic import replacing
from lumina.files.weights import check_tensors, read_json, read_safetensors
from lumina.weights.tensors import OUTPUT_ROWS, channels_first, channels_last, empty_backbone, fill

CLASS = "LuminaNextDiT2DModel"
FILE = "diffusion_pytorch_model.safetensors"
REQUIRED = (
    "hidden_size",
    "num_layers",
    "num_attention_heads",
    "num_kv_heads",
    "in_channels",
    "patch_size",
    "cross_attention_dim",
    "qk_norm",
    "multiple_of",
    "norm_eps",
    "learn_sigma",
)

NAMES = {
    "x_embedder": "patch_embedder.proj",
    "t_embedder.mlp.0": "time_caption_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_caption_embed.timestep_embedder.linear_2",
    "cap_embedder": "time_caption_embed.caption_embedder",
    "final_layer.adaLN_modulation.1": "norm_out.linear_1",
    "final_layer.linear": "norm_out.linear_2",
}
LAYER_NAMES = {
    "attention.gate": "gate",
    "attention.wq": "attn1.to_q",
    "attention.wk": "attn1.to_k",
    "attention.wv": "attn1.to_v",
    "attention.wk_y": "attn2.to_k",
    "attention.wv_y": "attn2.to_v",
    "attention.wo": "attn2.to_out.0",
    "attention.q_norm": "attn1.norm_q",
    "attention.k_norm": "attn1.norm_k",
    "attention.ky_norm": "attn2.norm_k",
    "adaLN_modulation.1": "norm1.linear",
    "attention_norm1": "norm1.norm",
    "attention_norm2": "norm2",
    "attention_y_norm": "norm1_context",
    "feed_forward.w1": "feed_forward.linear_1",
    "feed_forward.w2": "feed_forward.linear_2",
    "feed_forward.w3": "feed_forward.linear_3",
}


def load_diffusers(folder: str | Path) -> NextDiT:
    """Reads a model, or the transformer of a pipeline.

    Args:
        folder: contains ``config.json`` and the weights (one file, or shards with an index), or a folder
            ``transformer`` with these.

    Returns:
        The backbone, in the dtype of the weights.

    Raises:
        ValueError: the model is of another class, its tensors do not match its config, or a layer's two queries differ.
    """
    config, state = read_diffusers(Path(folder))
    return fill(empty_backbone(config), state)


def read_diffusers(folder: Path) -> tuple[NextDiTConfig, dict[str, Tensor]]:
    """The architecture and the tensors, by their names in `NextDiT`, of a model for `load_diffusers`."""
    if (folder / "transformer").is_dir():
        folder = folder / "transformer"
    settings = read_json(folder / "config.json")
    config = _config(settings, folder)
    model = empty_backbone(config)
    tensors = _read(folder)
    theirs = {name: their_name(name) for name in model.state_dict()}
    shapes = {theirs[name]: parameter.shape for name, parameter in model.state_dict().items()}
    check_tensors(folder, shapes | {_twin(name): shape for name, shape in shapes.items()}, tensors)
    _check_twins(shapes, tensors)
    state = {name: tensors[theirs[name]] for name in theirs}
    patch_size = settings["patch_size"]
    return config, state | {name: channels_first(state[name], patch_size) for name in OUTPUT_ROWS}


def save_diffusers(model: NextDiT, folder: str | Path, patch_size: int = 2, sample_size: int = 128) -> None:
    """Writes ``config.json`` and weights that ``LuminaNextDiT2DModel.from_pretrained`` loads.

    Args:
        model: a text-to-image backbone of the released architecture.
        folder: the output folder; created if necessary.
        patch_size: side of an image patch.
        sample_size: side of the trained latents, which determines the default size in diffusers' pipeline.

    Raises:
        ValueError: diffusers does not support the architecture.
    """
    settings = _settings(model.config, patch_size, sample_size)
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    _check_plain(model.config, state)
    state |= {name: channels_last(state[name], patch_size) for name in OUTPUT_ROWS}
    # unused in diffusers too, but without it diffusers reports an incomplete file
    state.setdefault("pad_token", torch.zeros_like(state["layers.0.attention_norm1.weight"]))
    tensors = {their_name(name): tensor.contiguous() for name, tensor in state.items()}
    tensors |= {_twin(name): tensor.clone() for name, tensor in tensors.items() if _twin(name) != name}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    with replacing(folder / FILE) as new:  # the parameters may be memory-mapped from the file that is replaced
        save_file(tensors, new, metadata={"format": "pt"})


def their_name(name: str) -> str:
    """The name that diffusers gives to a parameter of `NextDiT`."""
    if not name.startswith("layers."):
        return _rename(name, NAMES)
    layers, index, rest = name.split(".", 2)
    return f"{layers}.{index}.{_rename(rest, LAYER_NAMES)}"


def _rename(name: str, table: Mapping[str, str]) -> str:
    for ours, theirs in table.items():
        if name == ours or name.startswith(f"{ours}."):
            return theirs + name[len(ours) :]
    return name


def _twin(name: str) -> str:
    """The name of a self-attention query's copy in cross-attention; other names are returned unchanged."""
    return name.replace(".attn1.to_q.", ".attn2.to_q.").replace(".attn1.norm_q.", ".attn2.norm_q.")


def _check_twins(names: Iterable[str], tensors: Mapping[str, Tensor]) -> None:
    for name, twin in ((name, _twin(name)) for name in names):
        if name != twin and not torch.equal(tensors[name], tensors[twin]):
            raise ValueError(
                f"{name} and {twin} differ, but in Lumina-Next self-attention and text attention share one query: "
                "this model was trained apart from the architecture; give one whose two copies are equal."
            )


def _check_plain(config: NextDiTConfig, names: Iterable[str]) -> None:
    strange = sorted(set(names) ^ empty_backbone(config).state_dict().keys())
    if strange:
        raise ValueError(
            f"expected the parameters of a plain NextDiT, got {len(strange)} more or fewer ({strange[0]}, ...); "
            "merge adapters such as LoRA into the weights and use the linear input embedding."
        )


def _config(settings: Mapping[str, Any], folder: Path) -> NextDiTConfig:
    if settings.get("_class_name") != CLASS or settings.get("ffn_dim_multiplier") is not None:
        raise ValueError(
            f"{folder}: expected a {CLASS} without ffn_dim_multiplier, got {settings.get('_class_name')} with "
            f"ffn_dim_multiplier={settings.get('ffn_dim_multiplier')}; give the folder of a Lumina-Next model."
        )
    missing = [name for name in REQUIRED if name not in settings]
    if missing:
        raise ValueError(f"{folder / 'config.json'} lacks {', '.join(missing)}; fetch or copy it again.")
    return NextDiTConfig(
        dim=settings["hidden_size"],
        num_layers=settings["num_layers"],
        num_heads=settings["num_attention_heads"],
        num_kv_heads=settings["num_kv_heads"],
        token_dim=settings["in_channels"] * settings["patch_size"] ** 2,
        position_axes=2,
        text_dim=settings["cross_attention_dim"],
        qk_norm="layer" if settings["qk_norm"] else None,
        multiple_of=settings["multiple_of"],
        norm_eps=settings["norm_eps"],
        learn_sigma=settings["learn_sigma"],
        pad_token=True,
    )


def _settings(config: NextDiTConfig, patch_size: int, sample_size: int) -> dict[str, Any]:
    settings = {
        "_class_name": CLASS,
        "sample_size": sample_size,
        "patch_size": patch_size,
        "in_channels": (config.token_dim or 0) // patch_size**2,
        "hidden_size": config.dim,
        "num_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_kv_heads": config.kv_heads,
        "multiple_of": config.multiple_of,
        "ffn_dim_multiplier": None,
        "norm_eps": config.norm_eps,
        "learn_sigma": config.learn_sigma,
        "qk_norm": config.qk_norm is not None,
        "cross_attention_dim": config.text_dim,
        "scaling_factor": 1.0,
    }
    same = _config(settings, Path())
    differing = [
        f"{field.name}={value!r} (there {getattr(same, field.name)!r})"
        for field in fields(config)
        if (value := getattr(config, field.name)) != getattr(same, field.name)
        and field.name not in ("pad_token", "num_kv_heads", "axes_dims")
    ]
    if config.text_dim is None:
        differing.append("text_dim=None (there a width)")
    if differing:
        raise ValueError(
            f"a {CLASS} cannot be made of this backbone: {', '.join(differing)}; "
            "save it as a checkpoint of this framework instead."
        )
    return settings


def _read(folder: Path) -> dict[str, Tensor]:
    """All tensors, memory-mapped."""
    index = folder / f"{FILE}.index.json"
    if index.exists():
        files = sorted(set(read_json(index)["weight_map"].values()))
    elif (folder / FILE).exists():
        files = [FILE]
    else:
        raise FileNotFoundError(
            f"{folder} holds neither {FILE} nor {index.name}; "
            "save the model with safe_serialization=True and without a variant."
        )
    return {name: tensor for file in files for name, tensor in read_safetensors(folder / file).items()}
