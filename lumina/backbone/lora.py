"""Low-rank adapters (LoRA, Hu et al. 2021), through peft: small matrices beside the backbone's frozen linear layers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from lumina.backbone.next_dit import NextDiT
from lumina.errors import importing

ADAPTER = "default"
"""peft's name of an only adapter."""

A, B = f".lora_A.{ADAPTER}.weight", f".lora_B.{ADAPTER}.weight"
"""What the names of an adapter's two matrices end with."""


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
    for name, parameter in backbone.named_parameters():
        if is_matrix(name, parameter) and not parameter.requires_grad:
            parameter.data = parameter.data.to(getattr(torch, dtype))


def is_matrix(name: str, tensor: Tensor) -> bool:
    """Whether a tensor of the backbone is a matrix of one of its blocks."""
    return name.startswith("layers.") and tensor.dim() > 1


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to an adapter."""
    return name.endswith((A, B))


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
