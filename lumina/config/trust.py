"""Trust in configurations: what they may name, depending on their origin.

A configuration may name only classes of the expected type, never functions, which would be called with arguments from
the configuration. A configuration in a shared file (the config of a run, the arguments in a checkpoint) is untrusted:
it may name parts of this project, of torch and of Lightning. Nothing else is imported for it, and it cannot enable code
from a model repository. The user lifts these restrictions with ``--trust``. The user's own configuration may name any
class.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torchmetrics
from jsonargparse import Namespace, set_parsing_settings
from jsonargparse._common import parsing_settings
from lightning.fabric.plugins import CheckpointIO, ClusterEnvironment
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins import LayerSync, Precision
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import Strategy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lumina.config.experiments import search_modules_in
from lumina.config.parameters import parameters_of

TRUST = "--trust"
OURS = ("lumina", "modalities", "datamodules")
PACKAGES = (*OURS, "torch", "torchmetrics", "lightning")
TRAINING = (Optimizer, LRScheduler, torchmetrics.Metric)
TRAINER = (
    *(Accelerator, Callback, CheckpointIO, ClusterEnvironment),
    *(LayerSync, Logger, Precision, Profiler, Strategy),
)
"""With `TRAINING` all that a shared file may ask other packages for."""

_source: ContextVar[str | None] = ContextVar("source", default=None)
_trusted: ContextVar[bool] = ContextVar("trusted", default=False)

set_parsing_settings(  # what runs programs or unpickles is never imported, and jsonargparse leaves untyped values alone
    import_path_denylist=[], import_path_allowlist=[], instantiate_subclass_spec_in_any=False
)


class UntrustedError(ValueError):
    """A shared file requests something that only the user may request."""


@contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """Inside the block shared files may name any class and enable code from a model repository, as with ``--trust``."""
    token = _trusted.set(trust)
    try:
        yield
    finally:
        _trusted.reset(token)


@contextmanager
def asked_to_trust(arguments: Sequence[str]) -> Iterator[list[str]]:
    """A command's arguments without ``--trust``, which acts inside: own classes may lie in the working directory."""
    trust = TRUST in arguments
    if trust:
        search_modules_in(Path.cwd())
    with trusting(trust):
        yield [word for word in arguments if word != TRUST]


@contextmanager
def shared(source: str | Path | None) -> Iterator[None]:
    """Inside the block everything that is parsed or built is treated as coming from a shared file.

    Args:
        source: the file, for messages; None = the configuration is the user's own.
    """
    if source is None or _trusted.get():
        yield
        return
    before, token = parsing_settings["import_path_verdicts"], _source.set(str(source))
    set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=list(PACKAGES))
    try:
        yield
    finally:
        parsing_settings["import_path_verdicts"] = before
        _source.reset(token)


def require_trust(what: str) -> None:
    """Refuses a request of a shared file that only the user may make.

    Args:
        what: what the file does; follows the file's name in the message.

    Raises:
        UntrustedError: the request comes from a shared file that the user does not trust.
    """
    if _source.get() is not None:
        raise UntrustedError(f"{_source.get()} {what}; if you trust whoever made it, add {TRUST}.")


def require_classes(config: Any) -> None:
    """Refuses, before anything is called, a parsed configuration that names something else than classes.

    Raises:
        ValueError: naming the first offender.
    """
    for place, value in walk(config):
        if is_object(value):
            _require_class(value["class_path"], place)
        elif inspect.isroutine(value) or isinstance(value, functools.partial):
            raise ValueError(_no_class(getattr(value, "__qualname__", str(value)), place))


def walk(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested settings with its place in the user's file, the outer before the inner.

    Arguments that an object would have by itself are left out: a class may have a function of its own for a default.

    Args:
        value: plain data, or what a parser returns; objects are mappings with ``class_path`` and ``init_args``.
        place: where ``value`` stands.
    """
    value = vars(value) if isinstance(value, Namespace) else value
    yield place, value
    if isinstance(value, Mapping):
        own = _defaults(value)
        for name, item in value.items():
            if name in ("init_args", "dict_kwargs") and isinstance(item, (Mapping, Namespace)):
                given = vars(item) if isinstance(item, Namespace) else item
                yield from walk({n: x for n, x in given.items() if n not in own or x is not own[n]}, place)
            else:
                yield from walk(item, f"{place}.{name}".lstrip("."))
    elif isinstance(value, (list, tuple, set)):
        for number, item in enumerate(value):
            yield from walk(item, f"{place}.{number}")


def is_object(value: Any) -> bool:
    """Whether settings describe an object."""
    return isinstance(value, Mapping) and isinstance(value.get("class_path"), str)


def imported(name: str) -> Any:
    """What an import path names; None where its module is not imported yet or has no such thing."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        found: Any = sys.modules.get(".".join(parts[:length]))
        if found is not None:
            for part in parts[length:]:
                found = getattr(found, part, None)
            return found
    return None


def refusal(message: str) -> str | None:
    """The parser's refusal to import something in one sentence; None for another message."""
    denied = re.search(r"Importing '([\w.]+)' is not allowed", message)
    if denied is None:
        return None
    place = re.search(r'Parser key "([^"]+)"', message)
    return (_no_class if _source.get() is None else _foreign)(denied[1], place[1] if place else "")


def _require_class(name: str, place: str) -> None:
    found = imported(name)
    if not inspect.isclass(found):
        raise ValueError(_no_class(name, place))
    ours = found.__module__.split(".")[0] in OURS
    if _source.get() is not None and not ours and not issubclass(found, (*TRAINING, *TRAINER)):
        raise UntrustedError(_foreign(name, place))


def _no_class(name: str, place: str) -> str:
    return f"{place or 'the configuration'} names {name!r}, which is no class of the kind that is expected there."


def _foreign(name: str, place: str) -> str:
    where = f" for {place}" if place else ""
    return (
        f"{_source.get()} names {name!r}{where}, which is no part of lumina, no optimizer or schedule of torch and no "
        f"part of Lightning's trainer, so it is not imported; if you trust whoever made it, add {TRUST}."
    )


def _defaults(value: Mapping[str, Any]) -> dict[str, Any]:
    named = imported(value["class_path"]) if is_object(value) else None
    if not inspect.isclass(named):
        return {}
    return {name: parameter.default for name, parameter in parameters_of(named).items()}
