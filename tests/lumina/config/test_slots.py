"""No argument of a class that an experiment can name takes a function, at whatever depth."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import pkgutil
import sys
import types
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import lightning.pytorch.callbacks
import lightning.pytorch.loggers
import lightning.pytorch.plugins
import lightning.pytorch.profilers
import lightning.pytorch.strategies
import pytest
import torch
from jsonargparse import ArgumentError
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import LambdaCallback
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LambdaLR

import datamodules
import lumina
import modalities
from lumina.config.parser import ShortErrorParser
from lumina.config.trust import require_classes, shared
from lumina.module import LuminaModule

PLAIN = (str, int, float, bool, Path, type(None), ...)
EXTERNAL = (
    *(lightning.pytorch.callbacks, lightning.pytorch.loggers, lightning.pytorch.plugins),
    *(lightning.pytorch.profilers, lightning.pytorch.strategies, torch.optim, lr_scheduler),
)


def members(module: types.ModuleType) -> set[type]:
    return {found for _, found in inspect.getmembers(module, inspect.isclass)}


@functools.cache
def parser_of(cls: type) -> ShortErrorParser:
    parser = ShortErrorParser(exit_on_error=False)
    with contextlib.suppress(ValueError):  # classes that no configuration can name
        parser.add_class_arguments(cls, "x", fail_untyped=False)
    for action in parser._actions:
        action.required = False
    return parser


def is_plain(hint: Any) -> bool:
    if "Callable" in str(hint) or get_origin(hint) is type:
        return False
    return hint in PLAIN or get_origin(hint) is Literal or (bool(get_args(hint)) and all(map(is_plain, get_args(hint))))


def slots(parser: ShortErrorParser) -> dict[str, Any]:
    """The arguments that take more than plain values, and their types."""
    hints = {action.dest[2:]: getattr(action, "_typehint", str) for action in parser._actions}
    return {name: hint for name, hint in hints.items() if name and not is_plain(hint)}


def forms(name: str, hint: Any) -> list[Any]:
    listed = any(word in str(hint) for word in ("list", "List", "Sequence", "tuple", "Iterable["))
    return [name, {"class_path": name}, *([[{"class_path": name}]] if listed else [])]


def nameable() -> list[type]:
    """Our classes but for the network's insides, Lightning's parts of a trainer and torch's optimizers."""
    found = {Trainer}.union(*map(members, EXTERNAL))
    for package in (lumina, modalities, datamodules):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not info.name.endswith(("__main__", "lumina.optimizers.adamw_8bit")):  # runs; needs torchao
                found |= members(importlib.import_module(info.name))
    inside = ("lumina.backbone.", "lumina.commands.", "lumina.workarounds.")
    chosen = {cls for cls in found if not cls.__module__.startswith(inside)}
    return sorted((cls for cls in chosen if slots(parser_of(cls))), key=lambda cls: f"{cls.__module__}.{cls.__name__}")


def built(parser: ShortErrorParser, name: str, value: Any) -> Any:
    """What a value becomes as the argument ``name``; None where it is refused."""
    try:
        parsed = parser.parse_object({"x": {name: value}})
        require_classes(parsed)
        return parser.instantiate(parsed, instantiate_groups=False).get(f"x.{name}")
    except (ArgumentError, ValueError, TypeError):
        return None


def callables(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(callables, value.values()))
    return any(map(callables, value)) if isinstance(value, (list, tuple, set)) else callable(value)


def called(*_: Any, **__: Any) -> None:
    pytest.fail("a function of the configuration was called")


@pytest.fixture
def bystander(tmp_path, monkeypatch):
    """A module outside of all packages whose function and class tell when they are called; and `torch.hub.load`."""
    code = "def run(*a, **k):\n    raise SystemExit('called')\n\nclass Run:\n    __init__ = run\n"
    (tmp_path / "bystander.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(torch.hub, "load", functools.wraps(torch.hub.load)(called))
    yield "bystander"
    sys.modules.pop("bystander", None)


@pytest.mark.parametrize("cls", nameable(), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_slots_take_no_functions_and_import_nothing_for_a_shared_file(cls, bystander):
    parser = parser_of(cls)
    for name, hint in slots(parser).items():
        with shared("RUN/config.yaml"):
            for value in forms("bystander.Run", hint):
                assert not callables(built(parser, name, value)), (name, value)
        assert bystander not in sys.modules
        for value in forms("torch.hub.load", hint):
            assert not callables(built(parser, name, value)), (name, value)


@pytest.mark.parametrize("function", ["os.system", "subprocess.Popen", "builtins.eval", "torch.load", "bystander.run"])
@pytest.mark.parametrize("cls", [LuminaModule, Trainer, LambdaCallback, LambdaLR])
def test_slots_refuse_every_function(cls, function, bystander):
    parser = parser_of(cls)
    for name, hint in slots(parser).items():
        for value in forms(function, hint):
            assert not callables(built(parser, name, value)), (name, value)
