"""Which module an experiment trains: `LuminaModule`, unless ``model`` names another by its class path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode

from lumina.config.experiments import OPTIONS
from lumina.files.yaml_file import compose

CLASS = "class_path"
KEYS = ("--model", f"--model.{CLASS}")


def names_module(arguments: Sequence[str]) -> bool:
    """Whether options, or the YAML that they name, give ``model`` as ``class_path`` and ``init_args``.

    Args:
        arguments: with one ``--config`` at most, a file or its text.
    """
    for place, word in enumerate(arguments):
        option, joined, value = word.partition("=")
        if option in KEYS:
            return True
        if option in OPTIONS and _names(value if joined else "".join(arguments[place + 1 : place + 2])):
            return True
    return False


def arguments_of_module(model: Any) -> Any:
    """The module's own arguments in the settings of ``model``, in place."""
    return model["init_args"] if CLASS in model else model


def _names(file: str) -> bool:
    try:
        node = compose(file if "\n" in file or "{" in file else Path(file).read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError):  # the parser says what is wrong with it
        return False
    sections = {key.value: value for key, value in node.value} if isinstance(node, MappingNode) else {}
    model = sections.get("model")
    return isinstance(model, MappingNode) and any(key.value == CLASS for key, _ in model.value)
