"""Saves the optimizer's state under the names of the parameters.

Bug in Lightning 2.6.6: a checkpoint numbers the parameters, in the order of the optimizer's groups on one process, but
in the order of the module under FSDP2. With several groups, a state saved under one strategy and loaded under the other
is assigned to the wrong parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import ModelParallelStrategy
from torch.optim import Optimizer


class OptimizerNames(Callback):
    """Replaces Lightning's parameter numbers by names, and reads them under any strategy."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Replaces numbers by names."""
        states = checkpoint.get("optimizer_states", [])
        checkpoint["optimizer_states"] = [
            _renamed(state, dict(enumerate(_order(trainer, pl_module, optimizer))))
            for state, optimizer in zip(states, trainer.optimizers, strict=True)
        ]

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Stores the checkpoint until the optimizers exist."""
        self._loaded = checkpoint

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replaces names by numbers; FSDP2 loads the state by name later.

        Raises:
            ValueError: the parameters of the optimizer and of the checkpoint differ.
        """
        loaded, self._loaded = self._loaded, {}
        if "optimizer_states" in loaded and not isinstance(trainer.strategy, ModelParallelStrategy):
            names = {id(parameter): name for name, parameter in pl_module.named_parameters()}
            loaded["optimizer_states"] = [
                _numbered(
                    state, [[names[id(parameter)] for parameter in group["params"]] for group in optimizer.param_groups]
                )
                for state, optimizer in zip(loaded["optimizer_states"], trainer.optimizers, strict=True)
            ]


def _order(trainer: Trainer, module: LightningModule, optimizer: Optimizer) -> list[str]:
    """Names of the parameters in the order of the strategy's numbers."""
    if isinstance(trainer.strategy, ModelParallelStrategy):
        return [name for name, _ in module.named_parameters()]
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return [names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]


def _renamed(state: dict[str, Any], names: Mapping[Any, Any]) -> dict[str, Any]:
    """The state with renamed parameters; keys that are not in ``names`` stay."""
    if not state:  # on ranks that do not write
        return state
    groups = [{**group, "params": [names.get(key, key) for key in group["params"]]} for group in state["param_groups"]]
    return {"state": {names.get(key, key): value for key, value in state["state"].items()}, "param_groups": groups}


def _numbered(state: dict[str, Any], groups: list[list[str]]) -> dict[str, Any]:
    """The state in the form that an optimizer with these groups expects."""
    home = {name: group for group in state["param_groups"] for name in group["params"]}
    names = [name for group in groups for name in group]
    if strange := set(home).symmetric_difference(names):
        raise ValueError(
            f"the checkpoint's optimizer trained other parameters than this run's; they differ in {len(strange)}, as "
            f"{sorted(strange)[0]}: resume with the run's own settings, or start anew from its weights with "
            "model.weights."
        )
    numbers = {name: number for number, name in enumerate(names)}
    ordered = [{**(home[group[0]] if group else state["param_groups"][0]), "params": group} for group in groups]
    return _renamed({"state": state["state"], "param_groups": ordered}, numbers)
