"""Runs of modules other than `LuminaModule`, whose experiments name them by their class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsonargparse import ArgumentError

from lumina.config.instantiate import instantiated
from lumina.config.messages import one_sentence
from lumina.config.trust import UntrustedError
from lumina.files.weights import check_tensors
from lumina.training.module import TrainedModule
from lumina.weights.source import Weights

CLASS = "_class_path"
"""Lightning's name for the class among a module's stored arguments, where the experiment names it."""
HOME = "lumina.module.LuminaModule"


def own_class(weights: Weights) -> str | None:
    """The class of a run's module where it is another one than `LuminaModule`."""
    name = (weights.arguments or {}).get(CLASS)
    return None if name == HOME else name


def load_own_module(weights: Weights) -> TrainedModule:
    """Builds such a module, with the weights of its run, in evaluation mode.

    Raises:
        ValueError: the arguments are invalid, or the tensors do not match them.
    """
    arguments = {key: value for key, value in (weights.arguments or {}).items() if not key.startswith("_")}
    described: Mapping[str, Any] = {"module": {"class_path": own_class(weights), "init_args": arguments}}
    try:
        module = instantiated(_Holder, described, weights.origin).module
    except UntrustedError:
        raise
    except (ArgumentError, ValueError) as error:
        reason = one_sentence(str(error))
        raise ValueError(f"{weights.origin} describes a module that cannot be built: {reason}") from error
    check_tensors(weights.origin, {name: tensor.shape for name, tensor in module.state_dict().items()}, weights.tensors)
    module.load_state_dict(dict(weights.tensors))
    return module.eval()


@dataclass
class _Holder:
    module: TrainedModule
