"""Optimizers whose state is small: for models that nearly fill a GPU. Imported by the experiments that name them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from lumina.errors import importing

with importing("torchao", "an optimizer with 8-bit state"):
    from torchao.optim import AdamW8bit as TorchaoAdamW8bit
    from torchao.optim.subclass_8bit import OptimState8bit

PARTS = ("codes", "scale", "qmap")


class AdamW8bit(TorchaoAdamW8bit):  # type: ignore[misc]  # torchao is untyped
    """torchao's AdamW with both moments in 8 bits a value, in blocks that share a scale (Dettmers et al. 2022).

    Tensors below 4,096 values keep full moments. With bfloat16 weights (``trainer.precision=bf16-true``) an update is
    rounded up or down at random, with chances that make it right on average: rounded to the nearest, most updates of
    fine-tuning would be lost. Its state is saved as plain tensors, so that a checkpoint can be read without torchao.

    Args:
        params: to train.
        lr: learning rate.
        betas: decay of the two moments.
        eps: added to the denominator.
        weight_decay: decoupled.
        block_size: values that share a scale.
        stochastic_rounding: of bfloat16 weights; others are not rounded.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        block_size: int = 256,
        stochastic_rounding: bool = True,
    ) -> None:
        rounding = {"bf16_stochastic_round": stochastic_rounding}
        super().__init__(params, lr, betas, eps, weight_decay, block_size=block_size, **rounding)

    def state_dict(self) -> dict[str, Any]:
        """That of AdamW, each 8-bit moment as a dict of its parts."""
        state = super().state_dict()
        return {**state, "state": {number: _map(moments, _apart) for number, moments in state["state"].items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes what `state_dict` gives."""
        states = {number: _map(moments, _joined) for number, moments in state_dict["state"].items()}
        super().load_state_dict({**state_dict, "state": states})


def _map(moments: dict[str, Any], change: Any) -> dict[str, Any]:
    return {name: change(value) for name, value in moments.items()}


def _apart(value: Any) -> Any:
    if not isinstance(value, OptimState8bit):
        return value
    return {**{name: getattr(value, name) for name in PARTS}, "signed": value.signed, "dtype": value.dtype}


def _joined(value: Tensor | dict[str, Any]) -> Any:
    return OptimState8bit(**value) if isinstance(value, dict) else value
