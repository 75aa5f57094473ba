"""Low-rank adapters (LoRA; Hu et al., 2021) with peft: small trainable matrices beside frozen linear layers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from lumina.backbone.next_dit import NextDiT
from lumina.errors import importing

ADAPTER = "default"
"""peft's default adapter name."""

A, B = f".lora_A.{ADAPTER}.weight", f".lora_B.{ADAPTER}.weight"
"""Suffixes of the names of an adapter's two matrices."""


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Configuration of the adapters: a linear layer W becomes ``W x + (alpha / rank) B A x``.

    Attributes:
        rank: rank of ``B A``.
        alpha: scale of the adapters' output, divided by ``rank``.
        dropout: on the adapters' input.
        targets: names of the linear layers with adapters (``wq``, ``w1``, ...); None = all of attention and
            feed-forward.
        also: substrings of the names of other parameters to train in full (``norm``, ``final_layer``, ...).
        base: precision of the blocks' frozen matrices; "bfloat16" needs ``trainer.precision=bf16-mixed``, or
            ``bf16-true``, where everything is bfloat16.
    """

    rank: int = 16
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] | None = None
    also: tuple[str, ...] = ()
    base: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        """Validates the numbers.

        Raises:
            ValueError: a number is out of its range.
        """
        if self.rank < 1 or self.alpha <= 0 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"lora: rank={self.rank} must be at least 1, alpha={self.alpha} above 0 and dropout={self.dropout} in "
                "[0, 1)."
            )


def add_adapters(backbone: NextDiT, lora: Lora) -> None:
    """Freezes the backbone and adds adapters to its linear layers; their output is zero at initialisation.

    Args:
        backbone: the network; its parameters get peft's names: ``wq.weight`` becomes ``wq.base_layer.weight``.
        lora: configuration of the adapters.

    Raises:
        ImportError: peft is not installed.
        ValueError: the backbone has no layers or parameters of the given names.
    """
    with importing("peft", "an adapter"):
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.lora import LoraLayer
    linears = {name.rpartition(".")[2] for name, part in backbone.layers.named_modules() if isinstance(part, nn.Linear)}
    inner = {name for name in linears if name.startswith("w")}  # without the layers of adaLN, whose names are numbers
    _require(lora.targets or (), inner, "targets")
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # peft annotates int, but any number works
        lora_dropout=lora.dropout,
        target_modules=sorted(lora.targets or inner),
    )
    inject_adapter_in_model(config, backbone)
    for layer in backbone.modules():
        if isinstance(layer, LoraLayer):
            layer.cast_input_dtype_enabled = False  # under autocast it would store another copy of each layer's input
    _train_also(backbone, lora.also)


def lower_base(backbone: NextDiT, dtype: Literal["float32", "bfloat16"]) -> None:
    """Casts the blocks' frozen matrices to ``dtype``; norms and embeddings keep theirs."""
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
    missing = sorted(set(wanted) - set(present))
    if missing:
        raise ValueError(
            f"lora.{field}: the backbone has no {', '.join(missing)}; linear layers of its blocks are wq, wk, wv, wo, "
            "w1, w2, ..., other parts are attention_norm1, adaLN_modulation, final_layer, ..."
        )
