"""LoRA adapters in files: saving them in checkpoints, merging them into their base weights, and exporting them.

A checkpoint of a run with adapters contains the trained tensors, and the source and fingerprint of the base weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lumina.backbone.lora import ADAPTER, A, B, Lora, is_adapter, is_matrix
from lumina.errors import importing
from lumina.frozen.network import fingerprint
from lumina.weights.run import averaged_weights
from lumina.weights.tensors import BACKBONE

KEY = "adapters"
"""Checkpoint entry with the settings of the adapters and their base weights."""


def keep_trained(checkpoint: dict[str, Any], module: nn.Module, lora: Lora, source: str, fingerprint: str) -> None:
    """Removes the frozen tensors from a checkpoint and records the base weights.

    Args:
        checkpoint: about to be saved; changed in place.
        module: the module of the checkpoint.
        lora: the module's adapters.
        source: name of the base weights.
        fingerprint: hash of the base weights.
    """
    frozen = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    checkpoint["state_dict"] = {name: x for name, x in checkpoint["state_dict"].items() if name not in frozen}
    checkpoint[KEY] = {**asdict(lora), "weights": source, "fingerprint": fingerprint}


def merged(
    settings: Mapping[str, Any], trained: Mapping[str, Tensor], base: Mapping[str, Tensor], source: str
) -> dict[str, Tensor]:
    """Merges adapters into their base weights: ``W + (alpha / rank) B A``.

    Args:
        settings: the checkpoint's entry `KEY`.
        trained: the checkpoint's tensors, by their names in `LuminaModule`.
        base: the base weights of the backbone, by their names in `NextDiT`.
        source: name of the base weights, for messages.

    Returns:
        The tensors of a model without adapters, by their names in `LuminaModule`; those of the backbone in float32.

    Raises:
        ValueError: the base weights differ from those in training.
    """
    check_base(fingerprint(base), settings, source)
    state = {}
    for name, weight in base.items():
        lowered = weight.to(getattr(torch, settings["base"])) if is_matrix(name, weight) else weight
        stem, plain = f"{BACKBONE}{name}".removesuffix(".weight"), trained.get(BACKBONE + name, lowered).float()
        if stem + A in trained:
            change = trained[stem + B].float() @ trained[stem + A].float()
            plain = plain + change * (settings["alpha"] / settings["rank"])
        state[BACKBONE + name] = plain
    return state | {name: tensor for name, tensor in trained.items() if not name.startswith(BACKBONE)}


def check_base(actual: str, settings: Mapping[str, Any], source: str) -> None:
    """Refuses base weights other than those on which the adapters were trained.

    Args:
        actual: fingerprint of the present base weights.
        settings: the checkpoint's entry `KEY`.
        source: name of the present base weights.

    Raises:
        ValueError: names both.
    """
    if actual != settings["fingerprint"]:
        raise ValueError(
            f"the weights of {source!r} are not those of {settings['weights']!r} that the checkpoint's adapters were "
            f"trained on (fingerprint {actual} instead of {settings['fingerprint']}): use the original weights."
        )


def export_adapter(checkpoint: Path, folder: Path) -> None:
    """Writes the (averaged) adapters of a run in peft's format.

    ``peft.PeftModel.from_pretrained(backbone, folder)`` adds them to a `NextDiT` with their base weights.

    Args:
        checkpoint: a ``.ckpt`` file of a run with adapters.
        folder: gets ``adapter_config.json`` and ``adapter_model.safetensors``.

    Raises:
        ValueError: the checkpoint has no adapters, or other trained parameters too.
    """
    with importing("peft", "an adapter"):
        from peft import LoraConfig
    from safetensors.torch import save_file

    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = content.get(KEY)
    if settings is None or settings["also"]:
        raise ValueError(
            f"{checkpoint} holds {'more than' if settings else 'no'} adapters, but peft's format supports adapters "
            "only; export it with `lumina convert`, which merges them."
        )
    state = content["state_dict"] | (averaged_weights(content) or {})
    tensors = {name.removeprefix(BACKBONE): tensor for name, tensor in state.items() if is_adapter(name)}
    folder.mkdir(parents=True, exist_ok=True)
    LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        target_modules=sorted({name.rsplit(".", 4)[1] for name in tensors}),
        base_model_name_or_path=settings["weights"],
        inference_mode=True,
    ).save_pretrained(str(folder))
    renamed = {f"base_model.model.{name.replace(f'.{ADAPTER}.', '.')}": tensor for name, tensor in tensors.items()}
    save_file(renamed, folder / "adapter_model.safetensors", metadata={"format": "pt"})
