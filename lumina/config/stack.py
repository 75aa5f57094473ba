"""Stacks YAML files: each ``--config`` after the first overlays the previous ones.

Mappings merge key by key. An overlay with a ``class_path`` replaces the whole object, including its ``init_args``.
Lists and scalars are replaced; ``callbacks+`` appends to the list ``callbacks``. jsonargparse's rule instead keeps
arguments that the new class would accept, and merges lists of equal length item by item, so settings leak between
experiments.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from lumina.config.experiments import OPTIONS
from lumina.files.yaml_file import compose

SECTIONS = ("trainer", "model")


def stack_configs(arguments: Sequence[str]) -> list[str]:
    """Replaces several ``--config`` options by one; other options take precedence over all files.

    Args:
        arguments: options as typed, perhaps after a subcommand.

    Returns:
        The same arguments where there is at most one file, otherwise its stack as YAML text.

    Raises:
        ValueError: a file is not a YAML mapping, or has a key twice.
        FileNotFoundError: a file does not exist.
    """
    rest, files, position = _split(arguments)
    nodes: list[Node] = [_read(file) for file in files]
    if len(nodes) < 2:
        return list(arguments)
    text = yaml.serialize(reduce(_overlay, nodes), Dumper=yaml.SafeDumper)
    return [*rest[:position], f"--config={text}", *rest[position:]]


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str], int]:
    """Other arguments, configs, and how many of the other arguments stand before the first config."""
    rest: list[str] = []
    files: list[str] = []
    position, words = 0, iter(arguments)
    for word in words:
        flag, joined, value = word.partition("=")
        if flag not in OPTIONS:
            rest.append(word)
            continue
        position = position if files else len(rest)
        files.append(value if joined else next(words, ""))
    return rest, files, position


def _read(file: str) -> MappingNode:
    """The settings in a file, or in the option's own text where that is no name of a file."""
    try:
        text = file if "\n" in file or "{" in file else Path(file).read_text(encoding="utf-8")
        node = compose(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    if node is None:
        return MappingNode("tag:yaml.org,2002:map", [])
    if not isinstance(node, MappingNode):
        raise ValueError(f"{file} must hold settings, KEY: VALUE, as experiments do; it holds a {node.id}.")
    _refuse_twins(node, file, set())
    for key, value in node.value:
        if f"--{key.value}" in OPTIONS:  # the parser would read that file by other rules than these
            raise ValueError(f"{file} names another file as {key.value}; give both on the command line, --config each.")
        if key.value in SECTIONS and not isinstance(value, MappingNode):
            raise ValueError(f"{file}: {key.value} must hold settings, KEY: VALUE, got {value.id} {_text(value)}")
    return node


def _text(node: Node) -> str:
    return repr(node.value) if isinstance(node.value, str) else ""


def _refuse_twins(node: Node, file: str, seen: set[int]) -> None:
    """Refuses duplicate keys; YAML would silently use the last one."""
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    lines: dict[str, int] = {}
    for key, value in node.value if isinstance(node, MappingNode) else ():
        line = key.start_mark.line + 1
        name = str(key.value)
        if name in lines:
            raise ValueError(f"{file}: the key {name!r} stands twice, in lines {lines[name]} and {line}; keep one.")
        lines[name] = line
        _refuse_twins(value, file, seen)
    for item in node.value if isinstance(node, SequenceNode) else ():
        _refuse_twins(item, file, seen)


def _overlay(base: Node, over: Node) -> Node:
    if not isinstance(base, MappingNode) or not isinstance(over, MappingNode):
        return over
    entries = {key.value: (key, value) for key, value in base.value}
    changes = {key.value: (key, value) for key, value in over.value}
    if "class_path" in changes:
        return over
    for name, (key, value) in changes.items():
        earlier = entries.get(name.removesuffix("+"))
        if earlier is None:
            entries[name] = (key, value)
        elif name.endswith("+"):
            entries[name[:-1]] = (earlier[0], _longer(earlier[1], value))
        else:
            entries[name] = (key, _overlay(earlier[1], value))
    return MappingNode(base.tag, list(entries.values()))


def _longer(base: Node, more: Node) -> Node:
    lists = [node.value if isinstance(node, SequenceNode) else [node] for node in (base, more)]
    return SequenceNode("tag:yaml.org,2002:seq", lists[0] + lists[1])
