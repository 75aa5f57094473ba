"""Trained models of every form as modules, whose weights are never held twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentError
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters_context
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from lumina.config.instantiate import instantiated
from lumina.config.messages import one_sentence
from lumina.config.trust import UntrustedError
from lumina.errors import require_extra
from lumina.module import LuminaModule
from lumina.weights.published import published_arguments, where_to_put
from lumina.weights.source import BUNDLED, Weights, read_weights
from lumina.weights.tensors import check_tensors
from lumina.workarounds.instantiate_module import NAME

TRAINING = ("metrics", "optimizer", "lr_scheduler", "weights")
"""Arguments of `LuminaModule` that a trained model does without."""


def load_pretrained(
    source: str | Path,
    dtype: torch.dtype = torch.float32,
    base: str | None = None,
    text_encoder: str | None = None,
    vae: str | None = None,
) -> LuminaModule:
    """A trained model with its averaged weights, in evaluation mode and without its metrics.

    Args:
        source: see `lumina.weights.source.read_weights`, as for ``base``.
        dtype: of the parameters; bfloat16 keeps the 2B model in 3.3 GB.
        base: of a run with adapters, where the weights are now that it started from.
        text_encoder: folder or Hugging Face id, in place of a published model's own. The authors' folders hold none:
            FOLDER/text_encoder if it is there, else google/gemma-2b.
        vae: likewise; FOLDER/vae if it is there, else SDXL's.

    Raises:
        FileNotFoundError: there is no such source, or a part of it is missing.
        ValueError: it is damaged, another model's, or has no use for an option.
    """
    return build_module(read_weights(source, base), dtype, text_encoder, vae)


def build_module(
    weights: Weights, dtype: torch.dtype = torch.float32, text_encoder: str | None = None, vae: str | None = None
) -> LuminaModule:
    """As `load_pretrained`, of weights that were read; its `hparams` are the arguments, so it can be saved again.

    Args:
        weights: whose tensors become the module's parameters as they are.
        dtype: of the parameters; tensors of another one are cast.
        text_encoder: see `load_pretrained`.
        vae: likewise.

    Raises:
        FileNotFoundError: a pretrained network that the arguments name is absent.
        ImportError: a package that they need is not installed.
        ValueError: the arguments are refused, or the tensors do not fit them.
    """
    arguments = weights.arguments
    if arguments is None:
        arguments = published_arguments(weights, text_encoder, vae)
    elif text_encoder or vae:
        raise ValueError(
            f"{weights.origin} names its own text encoder and VAE; text_encoder and vae are for published weights."
        )
    module = _instantiated(weights, arguments)
    check_tensors(weights.origin, {name: tensor.shape for name, tensor in module.state_dict().items()}, weights.tensors)
    trained = dict(module.named_parameters())
    cast = {name: tensor.to(dtype) if name in trained else tensor for name, tensor in weights.tensors.items()}
    module.load_state_dict(cast, assign=True)
    return module.eval()


def _instantiated(weights: Weights, arguments: Mapping[str, Any]) -> LuminaModule:
    source, left_out = weights.origin, (*TRAINING, "_instantiator")
    kept = {key: item for key, item in arguments.items() if key not in left_out}
    try:
        with _parameters_without_memory(), _given_hyperparameters_context(kept, NAME):
            return instantiated(LuminaModule, kept, source)
    except UntrustedError:
        raise
    except (ArgumentError, ValueError) as error:
        if source.parent == BUNDLED and _is_of(ImportError, error):  # each has an extra of its name
            require_extra(source.name, f"the bundled model {source.name!r}")
        if weights.form == "official" and _is_of(FileNotFoundError, error):
            raise FileNotFoundError(where_to_put(source, dict(arguments))) from error
        raise ValueError(f"{source} describes a model that cannot be built: {one_sentence(str(error))}") from error


def _is_of(cause: type[Exception], error: BaseException | None) -> bool:
    """Whether an error of a kind caused another one; jsonargparse wraps what a constructor raises."""
    return error is not None and (isinstance(error, cause) or _is_of(cause, error.__cause__ or error.__context__))


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
