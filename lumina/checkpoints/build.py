"""A `LuminaModule` from trained weights, without ever holding its weights twice."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from jsonargparse import ArgumentError
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters_context
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from lumina.config.classes import refusal
from lumina.config.messages import one_sentence
from lumina.config.trust import UntrustedError, shared
from lumina.module import LuminaModule
from lumina.weights.published import where_to_put
from lumina.weights.source import Weights
from lumina.weights.tensors import check_tensors
from lumina.workarounds.instantiate_module import NAME, instantiate_module

TRAINING = ("metrics", "optimizer", "lr_scheduler", "weights")
"""Arguments of `LuminaModule` that a trained model does without."""


def build_module(weights: Weights, dtype: torch.dtype = torch.float32) -> LuminaModule:
    """The module, in evaluation mode; its `hparams` are the arguments, so it can be saved again.

    Args:
        weights: whose tensors become the module's parameters as they are.
        dtype: of the parameters; tensors of another one are cast.

    Raises:
        FileNotFoundError: a pretrained network that the arguments name is absent.
        ValueError: the arguments are refused, or the tensors do not fit them.
    """
    with shared(weights.origin):
        module = _instantiated(weights)
    check_tensors(weights.origin, {name: tensor.shape for name, tensor in module.state_dict().items()}, weights.tensors)
    trained = dict(module.named_parameters())
    cast = {name: tensor.to(dtype) if name in trained else tensor for name, tensor in weights.tensors.items()}
    module.load_state_dict(cast, assign=True)
    return module.eval()


def _instantiated(weights: Weights) -> LuminaModule:
    source, described = weights.origin, weights.arguments
    if described is None:
        raise ValueError(
            f"{source} holds a transformer alone; give its pipeline's folder, the one with model_index.json."
        )
    kept = {key: _without_cache(item) for key, item in described.items() if key not in (*TRAINING, "_instantiator")}
    try:
        with _parameters_without_memory(), _given_hyperparameters_context(dict(kept), NAME):
            return instantiate_module(LuminaModule, copy.deepcopy(kept))  # jsonargparse changes what it is given
    except UntrustedError:
        raise
    except (ArgumentError, ValueError) as error:
        if weights.form == "official" and _is_absence(error):
            raise FileNotFoundError(where_to_put(source, dict(described))) from error
        message = f"{source} describes a model that cannot be built: {one_sentence(str(error))}"
        raise ValueError(refusal(str(error)) or message) from error


def _is_absence(error: BaseException | None) -> bool:
    """Whether a file that is missing caused an error; jsonargparse wraps what a constructor raises."""
    return error is not None and (
        isinstance(error, FileNotFoundError) or _is_absence(error.__cause__ or error.__context__)
    )


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
