"""Builds modules from trained models of any format without copying the weights."""

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

from lumina.checkpoints.own_modules import CLASS, own_class
from lumina.config.instantiate import instantiated
from lumina.config.messages import one_sentence
from lumina.config.trust import UntrustedError
from lumina.errors import require_extra
from lumina.files.weights import check_tensors
from lumina.module import LuminaModule
from lumina.weights.published import published_arguments, where_to_put
from lumina.weights.source import BUNDLED, Weights, read_weights
from lumina.workarounds.instantiate_module import NAME

TRAINING = ("metrics", "optimizer", "lr_scheduler", "weights")
"""Arguments of `LuminaModule` that only training needs."""


def load_pretrained(
    source: str | Path,
    dtype: torch.dtype = torch.float32,
    base: str | None = None,
    text_encoder: str | None = None,
    vae: str | None = None,
) -> LuminaModule:
    """Loads a trained model with its averaged weights, in evaluation mode and without metrics.

    Args:
        source: see `lumina.weights.source.read_weights`.
        dtype: of the parameters; in bfloat16 the 2B model takes 3.3 GB.
        base: see `lumina.weights.source.read_weights`.
        text_encoder: folder or Hugging Face id; replaces the text encoder of published weights. The authors' folders
            contain none; the default for them is FOLDER/text_encoder if it exists, else google/gemma-2b.
        vae: likewise; the default for the authors' folders is FOLDER/vae if it exists, else SDXL's VAE.

    Raises:
        FileNotFoundError: the source or a part of it is missing.
        ValueError: the source is damaged, contains another model, or an option does not apply.
    """
    return build_module(read_weights(source, base), dtype, text_encoder, vae)


def build_module(
    weights: Weights, dtype: torch.dtype = torch.float32, text_encoder: str | None = None, vae: str | None = None
) -> LuminaModule:
    """Builds a module from weights in memory; its `hparams` are the arguments, so it can be exported again.

    Args:
        weights: their tensors become the module's parameters without a copy.
        dtype: of the parameters; other dtypes are cast.
        text_encoder: see `load_pretrained`.
        vae: see `load_pretrained`.

    Raises:
        FileNotFoundError: a pretrained network in the arguments is missing.
        ImportError: a required package is not installed.
        ValueError: the arguments are invalid, or the tensors do not match them.
    """
    arguments = weights.arguments
    if other := own_class(weights):
        raise ValueError(
            f"{weights.origin} is a run of {other}, not of a model to sample from; `lumina convert` may help."
        )
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
    source, left_out = weights.origin, (*TRAINING, CLASS, "_instantiator")
    kept = {key: item for key, item in arguments.items() if key not in left_out}
    try:
        with _parameters_without_memory(), _given_hyperparameters_context(kept, NAME):
            return instantiated(LuminaModule, kept, source)
    except UntrustedError:
        raise
    except (ArgumentError, ValueError) as error:
        if source.parent == BUNDLED and _is_of(ImportError, error):  # each bundled model has an extra of the same name
            require_extra(source.name, f"the bundled model {source.name!r}")
        if weights.form == "official" and _is_of(FileNotFoundError, error):
            raise FileNotFoundError(where_to_put(source, dict(arguments))) from error
        raise ValueError(f"{source} describes a model that cannot be built: {one_sentence(str(error))}") from error


def _is_of(cause: type[Exception], error: BaseException | None) -> bool:
    """Whether an error, or an error in its chain of causes, has a type; jsonargparse wraps errors of constructors."""
    return error is not None and (isinstance(error, cause) or _is_of(cause, error.__cause__ or error.__context__))


@contextmanager
def _parameters_without_memory() -> Iterator[None]:
    """Creates parameters on the meta device inside the block; buffers and plain tensors are real: no file has them."""

    def without_memory(owner: nn.Module, name: str, parameter: nn.Parameter | None) -> nn.Parameter | None:
        return None if parameter is None else nn.Parameter(parameter.to("meta"), parameter.requires_grad)

    handle = register_module_parameter_registration_hook(without_memory)  # type: ignore[arg-type]  # hooks may return a parameter
    try:
        yield
    finally:
        handle.remove()
