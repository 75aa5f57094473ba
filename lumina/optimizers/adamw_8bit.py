"""An optimizer with a small state, for models that nearly fill a GPU. It needs torchao, so only a YAML imports it."""

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
    """torchao's AdamW with both moments quantized to 8 bits in blocks that share a scale (Dettmers et al., 2022).

    Tensors with fewer than 4,096 values keep moments in full precision. With bfloat16 weights
    (``trainer.precision=bf16-true``) updates are rounded stochastically, which is unbiased; rounding to nearest would
    lose most updates of fine-tuning. The state is saved as plain tensors, so a checkpoint can be read without torchao.

    Args:
        params: the parameters to train.
        lr: learning rate.
        betas: decay rates of the first and second moment.
        eps: added to the denominator.
        weight_decay: decoupled weight decay.
        block_size: values that share a scale.
        stochastic_rounding: round updates of bfloat16 weights stochastically; other weights are not rounded.
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
        """AdamW's state dict with each 8-bit moment as a dict of plain tensors."""
        state = super().state_dict()
        return {**state, "state": {number: _map(moments, _split) for number, moments in state["state"].items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Loads a state dict that `state_dict` returned."""
        states = {number: _map(moments, _joined) for number, moments in state_dict["state"].items()}
        super().load_state_dict({**state_dict, "state": states})


def _map(moments: dict[str, Any], change: Any) -> dict[str, Any]:
    return {name: change(value) for name, value in moments.items()}


def _split(value: Any) -> Any:
    if not isinstance(value, OptimState8bit):
        return value
    return {**{name: getattr(value, name) for name in PARTS}, "signed": value.signed, "dtype": value.dtype}


def _joined(value: Tensor | dict[str, Any]) -> Any:
    return OptimState8bit(**value) if isinstance(value, dict) else value
