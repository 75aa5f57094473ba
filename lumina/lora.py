"""Low-rank adapters on the backbone (LoRA, Hu et al. 2021), through peft.

The weights that a run starts from stay as they are; small matrices beside the linear layers are trained. A checkpoint
of such a run holds what was trained and the name and fingerprint of the weights it belongs to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lumina.backbone import NextDiT
from lumina.errors import importing
from lumina.frozen import fingerprint

KEY = "adapters"
"""What a checkpoint with adapters holds beside its tensors."""

_NAME = "default"  # peft's name of an only adapter
_A, _B = f".lora_A.{_NAME}.weight", f".lora_B.{_NAME}.weight"


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Which adapters there are.

    Attributes:
        rank: width of the bottleneck.
        alpha: the adapters' output is multiplied by ``alpha / rank``.
        dropout: on the adapters' input.
        targets: names of the linear layers that get one (``wq``, ``w1``, ...); None = all of attention and
            feed-forward.
        also: parts of names of parameters of the backbone that train as a whole (``norm``, ``final_layer``, ...).
        base: precision in which the blocks' frozen matrices are kept; "bfloat16" needs ``trainer.precision=bf16-mixed``
            (or ``bf16-true``, where everything is bfloat16).
    """

    rank: int = 16
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] | None = None
    also: tuple[str, ...] = ()
    base: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        """Refuses impossible numbers.

        Raises:
            ValueError: naming the field.
        """
        if self.rank < 1 or self.alpha <= 0 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"lora: rank={self.rank} must be at least 1, alpha={self.alpha} above 0 and dropout={self.dropout} in "
                "[0, 1)."
            )


def add_adapters(backbone: NextDiT, lora: Lora) -> None:
    """Freezes the backbone and puts adapters, which start as zero, beside its linear layers.

    Args:
        backbone: its parameters get peft's names: ``wq.weight`` becomes ``wq.base_layer.weight``.
        lora: which adapters.

    Raises:
        ImportError: without peft.
        ValueError: for names that the backbone does not have.
    """
    with importing("peft", "an adapter"):
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.lora import LoraLayer
    linears = {name.rpartition(".")[2] for name, part in backbone.layers.named_modules() if isinstance(part, nn.Linear)}
    inner = {name for name in linears if name.startswith("w")}  # not those of adaLN, which have numbers for names
    _require(lora.targets or (), inner, "targets")
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # peft divides it, any number will do
        lora_dropout=lora.dropout,
        target_modules=sorted(lora.targets or inner),
    )
    inject_adapter_in_model(config, backbone)
    for layer in backbone.modules():
        if isinstance(layer, LoraLayer):
            layer.cast_input_dtype_enabled = False  # under autocast it would keep one more copy of the input a layer
    _train_also(backbone, lora.also)


def lower_base(backbone: NextDiT, dtype: Literal["float32", "bfloat16"]) -> None:
    """Casts the blocks' frozen matrices to ``dtype``; norms and embeddings stay."""
    for parameter in backbone.layers.parameters():
        if parameter.dim() > 1 and not parameter.requires_grad:
            parameter.data = parameter.data.to(getattr(torch, dtype))


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to an adapter."""
    return name.endswith((_A, _B))


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
    checkpoint: Mapping[str, Any], trained: Mapping[str, Tensor], base: str | None = None
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A checkpoint with adapters as one without: the adapters are added to the weights they belong to.

    Args:
        checkpoint: as read from its file.
        trained: its ``state_dict``, with averaged weights in the place of raw ones where they are wanted.
        base: where the weights they belong to are now; None = where they were in training.

    Returns:
        Arguments of `lumina.module.LuminaModule` without adapters, and all its tensors, those of the backbone in
        float32.

    Raises:
        ValueError: if the weights that training started from are others now.
        FileNotFoundError: if they are gone.
    """
    from lumina.checkpoints.pretrained import load_backbone

    settings = checkpoint[KEY]
    source = base or settings["weights"]
    try:
        backbone = load_backbone(source).requires_grad_(False)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"the weights that the adapters belong to are not to be had ({error}); say where they are now: --base for "
            "`lumina sample`, --model.weights for the commands with a trainer."
        ) from error
    check_base(fingerprint(backbone), settings, source)
    lower_base(backbone, settings["base"])
    state = {}
    for name, weight in backbone.state_dict().items():
        name = f"backbone.{name}"
        stem, plain = name.removesuffix(".weight"), trained.get(name, weight).float()
        if stem + _A in trained:
            change = trained[stem + _B].float() @ trained[stem + _A].float()
            plain = plain + change * (settings["alpha"] / settings["rank"])
        state[name] = plain
    rest = {name: tensor for name, tensor in trained.items() if not name.startswith("backbone.")}
    arguments = {key: value for key, value in checkpoint["hyper_parameters"].items() if key not in ("lora", "weights")}
    return arguments, state | rest


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

    from lumina.callbacks.ema import averaged_weights

    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = content.get(KEY)
    if settings is None or settings["also"]:
        raise ValueError(
            f"{checkpoint} holds {'more than' if settings else 'no'} adapters, and peft's format holds nothing else; "
            "export it with `lumina convert`, which merges."
        )
    state = content["state_dict"] | (averaged_weights(content) or {})
    tensors = {name.removeprefix("backbone."): tensor for name, tensor in state.items() if is_adapter(name)}
    folder.mkdir(parents=True, exist_ok=True)
    LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        target_modules=sorted({name.rsplit(".", 4)[1] for name in tensors}),
        base_model_name_or_path=settings["weights"],
        inference_mode=True,
    ).save_pretrained(str(folder))
    theirs = {f"base_model.model.{name.replace(f'.{_NAME}.', '.')}": tensor for name, tensor in tensors.items()}
    save_file(theirs, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def _train_also(backbone: NextDiT, parts: tuple[str, ...]) -> None:
    rest = {name: x for name, x in backbone.named_parameters() if not is_adapter(name) and ".base_layer." not in name}
    _require(parts, {part for part in parts if any(part in name for name in rest)}, "also")
    for name, parameter in rest.items():
        if any(part in name for part in parts):
            parameter.requires_grad_(True)


def _require(wanted: Collection[str], present: Collection[str], field: str) -> None:
    lacking = sorted(set(wanted) - set(present))
    if lacking:
        raise ValueError(
            f"lora.{field}: the backbone has no {', '.join(lacking)}; linear layers of its blocks are wq, wk, wv, wo, "
            "w1, w2, ..., other parts attention_norm1, adaLN_modulation, final_layer, ..."
        )
