"""LoRA adapters in files: what a checkpoint keeps of them, and how they are merged into the weights they belong to.

A checkpoint of a run with adapters holds what was trained, and the name and fingerprint of the weights it belongs to.
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
"""What a checkpoint with adapters holds beside its tensors."""


def keep_trained(checkpoint: dict[str, Any], module: nn.Module, lora: Lora, source: str, fingerprint: str) -> None:
    """Leaves out of a checkpoint what does not train, and notes which weights that was.

    Args:
        checkpoint: that is about to be saved.
        module: whose tensors it holds.
        lora: the module's adapters.
        source: where the weights came from.
        fingerprint: theirs.
    """
    frozen = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    checkpoint["state_dict"] = {name: x for name, x in checkpoint["state_dict"].items() if name not in frozen}
    checkpoint[KEY] = {**asdict(lora), "weights": source, "fingerprint": fingerprint}


def merged(
    settings: Mapping[str, Any], trained: Mapping[str, Tensor], base: Mapping[str, Tensor], source: str
) -> dict[str, Tensor]:
    """All tensors of a model with adapters as those of one without: the adapters are added to the weights below.

    Args:
        settings: what the checkpoint says of its adapters.
        trained: its tensors, by their names in `LuminaModule`.
        base: the backbone's tensors that the adapters belong to, by their names in `NextDiT`.
        source: where those are, for messages.

    Returns:
        Tensors by their names in `LuminaModule`, those of the backbone in float32.

    Raises:
        ValueError: the weights below are others than in training.
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


def check_base(found: str, settings: Mapping[str, Any], source: str) -> None:
    """Refuses other weights than those that the adapters were trained on.

    Args:
        found: fingerprint of the weights at hand.
        settings: what the checkpoint says of its adapters.
        source: where the weights at hand came from.

    Raises:
        ValueError: naming both.
    """
    if found != settings["fingerprint"]:
        raise ValueError(
            f"the weights of {source!r} are not those of {settings['weights']!r} that the checkpoint's adapters were "
            f"trained on (fingerprint {found} instead of {settings['fingerprint']}): bring those back."
        )


def export_adapter(checkpoint: Path, folder: Path) -> None:
    """Writes the (averaged) adapters of a run in peft's own format.

    ``peft.PeftModel.from_pretrained(backbone, folder)`` puts them on a `NextDiT` with the weights they belong to.

    Args:
        checkpoint: a ``.ckpt`` file of a run with adapters.
        folder: gets ``adapter_config.json`` and ``adapter_model.safetensors``.

    Raises:
        ValueError: if the checkpoint has no adapters, or trained more than them.
    """
    with importing("peft", "an adapter"):
        from peft import LoraConfig
    from safetensors.torch import save_file

    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = content.get(KEY)
    if settings is None or settings["also"]:
        raise ValueError(
            f"{checkpoint} holds {'more than' if settings else 'no'} adapters, and peft's format holds nothing else; "
            "export it with `lumina convert`, which merges."
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
    theirs = {f"base_model.model.{name.replace(f'.{ADAPTER}.', '.')}": tensor for name, tensor in tensors.items()}
    save_file(theirs, folder / "adapter_model.safetensors", metadata={"format": "pt"})
