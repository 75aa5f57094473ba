"""A `LuminaModule` from plain-data arguments and tensors, without ever holding its weights twice."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentError
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters_context
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from lumina.checkpoints.weights import check_tensors
from lumina.config.classes import refusal
from lumina.config.messages import one_sentence
from lumina.config.trust import UntrustedError, shared
from lumina.module import LuminaModule
from lumina.workarounds.instantiate_module import NAME, instantiate_module

TRAINING = ("metrics", "optimizer", "lr_scheduler", "weights")
"""Arguments of `LuminaModule` that a trained model does without."""


def build_module(
    arguments: Mapping[str, Any], state: Mapping[str, Tensor], source: Path, dtype: torch.dtype = torch.float32
) -> LuminaModule:
    """The module, in evaluation mode; its `hparams` are the arguments, so it can be saved again.

    Args:
        arguments: of `LuminaModule` as a checkpoint stores them: plain data, classes as ``class_path``.
        state: tensors by the names of the module's state dict; those that fit become its parameters as they are.
        source: where both come from, for messages.
        dtype: of the parameters; tensors of another one are cast.

    Raises:
        ValueError: if the arguments are refused, or the tensors do not fit them.
    """
    kept = {key: _without_cache(item) for key, item in arguments.items() if key not in (*TRAINING, "_instantiator")}
    with shared(source):
        module = _instantiated(kept, source)
    check_tensors(source, {name: tensor.shape for name, tensor in module.state_dict().items()}, state)
    trained = dict(module.named_parameters())
    cast = {name: tensor.to(dtype) if name in trained else tensor for name, tensor in state.items()}
    module.load_state_dict(cast, assign=True)
    return module.eval()


def _instantiated(arguments: Mapping[str, Any], source: Path) -> LuminaModule:
    try:
        with _parameters_without_memory(), _given_hyperparameters_context(dict(arguments), NAME):
            return instantiate_module(LuminaModule, copy.deepcopy(arguments))  # jsonargparse changes what it is given
    except UntrustedError:
        raise
    except (ArgumentError, ValueError) as error:
        message = f"{source} describes a model that cannot be built: {one_sentence(str(error))}"
        raise ValueError(refusal(str(error)) or message) from error


def _without_cache(value: Any) -> Any:
    """Features of the training captions stay where they were made."""
    if isinstance(value, Mapping):
        return {key: None if key == "cache" else _without_cache(item) for key, item in value.items()}
    return [_without_cache(item) for item in value] if isinstance(value, list) else value


@contextmanager
def _parameters_without_memory() -> Iterator[None]:
    """Parameters made inside have shapes alone; buffers and plain tensors, which no file brings back, are real."""

    def without_memory(owner: nn.Module, name: str, parameter: nn.Parameter | None) -> nn.Parameter | None:
        return None if parameter is None else nn.Parameter(parameter.to("meta"), parameter.requires_grad)

    handle = register_module_parameter_registration_hook(without_memory)  # type: ignore[arg-type]  # may return one
    try:
        yield
    finally:
        handle.remove()
