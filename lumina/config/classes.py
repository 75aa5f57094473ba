"""Which classes a configuration may name: those of the kind that its place expects, and never functions.

Functions would be called with arguments of the configuration's choice.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Mapping
from typing import Any

import torchmetrics
from jsonargparse import Namespace
from lightning.fabric.plugins import CheckpointIO, ClusterEnvironment
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins import LayerSync, Precision
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import Strategy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lumina.config.parameters import parameters_of
from lumina.config.trust import OURS, TRUST, UntrustedError, shared_file

TRAINING = (Optimizer, LRScheduler, torchmetrics.Metric)
TRAINER = (
    *(Accelerator, Callback, CheckpointIO, ClusterEnvironment),
    *(LayerSync, Logger, Precision, Profiler, Strategy),
)
"""With `TRAINING` all that a shared file may ask other packages for."""


def require_classes(config: Any, key: str = "") -> None:
    """Refuses, before anything is called, a parsed configuration that names something else than classes.

    Args:
        config: as a parser returns it.
        key: where it stands, for messages.

    Raises:
        ValueError: naming the first offender.
    """
    if isinstance(config, Namespace):
        config = vars(config)
    if isinstance(config, Mapping):
        if isinstance(config.get("class_path"), str):
            config = _without_defaults(_require_class(config["class_path"], key), config)
        for name, value in config.items():
            require_classes(value, key if name in ("init_args", "dict_kwargs") else f"{key}.{name}".lstrip("."))
    elif isinstance(config, (list, tuple, set)):
        for value in config:
            require_classes(value, key)
    elif inspect.isroutine(config) or isinstance(config, functools.partial):
        raise ValueError(_no_class(getattr(config, "__qualname__", str(config)), key))


def refusal(message: str) -> str | None:
    """The parser's refusal to import something in one sentence; None for another message."""
    denied = re.search(r"Importing '([\w.]+)' is not allowed", message)
    if denied is None:
        return None
    place = re.search(r'Parser key "([^"]+)"', message)
    return (_foreign if shared_file() else _no_class)(denied[1], place[1] if place else "")


def _require_class(name: str, key: str) -> type:
    found = _imported(name)
    if not inspect.isclass(found):
        raise ValueError(_no_class(name, key))
    ours = found.__module__.split(".")[0] in OURS
    if shared_file() and not ours and not issubclass(found, (*TRAINING, *TRAINER)):
        raise UntrustedError(_foreign(name, key))
    return found


def _without_defaults(named: type, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments that the configuration chose: a class may have a function of its own for a default."""
    given = config.get("init_args")
    if not isinstance(given, Namespace):
        return config
    own = {name: parameter.default for name, parameter in parameters_of(named).items()}
    return {**config, "init_args": {n: x for n, x in vars(given).items() if n not in own or x is not own[n]}}


def _imported(name: str) -> Any:
    """What an import path names; None where its module is not imported yet or has no such thing."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        found: Any = sys.modules.get(".".join(parts[:length]))
        if found is not None:
            for part in parts[length:]:
                found = getattr(found, part, None)
            return found
    return None


def _no_class(name: str, key: str) -> str:
    return f"{key or 'the configuration'} names {name!r}, which is no class of the kind that is expected there."


def _foreign(name: str, key: str) -> str:
    place = f" for {key}" if key else ""
    return (
        f"{shared_file()} names {name!r}{place}, which is no part of lumina, no optimizer or schedule of torch and no "
        f"part of Lightning's trainer, so it is not imported; if you trust whoever made it, add {TRUST}."
    )
