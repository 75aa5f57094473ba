"""YAML whose aliases do not multiply: ten lines can stand for a thousand million values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

MOST = 100_000
"""Values that a file may stand for; the largest experiment has a few hundred."""


def compose(text: str) -> Any:
    """The node of a YAML text, None for an empty one.

    Raises:
        ValueError: its aliases stand for too much, or for themselves.
        yaml.YAMLError: it is no YAML.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is not None and _size(node, {}) > MOST:
        raise ValueError(f"its aliases stand for more than {MOST} values, or for themselves; write out what is meant.")
    return node


def load(text: str) -> Any:
    """The plain data of a YAML text.

    Raises:
        ValueError: its aliases stand for too much, or for themselves.
        yaml.YAMLError: it is no YAML.
    """
    compose(text)
    return yaml.safe_load(text)


def _size(node: Node, known: dict[int, int]) -> int:
    """How many values a node stands for, its aliases written out."""
    if id(node) not in known:
        known[id(node)] = MOST  # while it is open: a node inside itself has no end
        known[id(node)] = 1 + sum(_size(child, known) for child in _children(node))
    return known[id(node)]


def _children(node: Node) -> Iterator[Node]:
    for value in node.value if isinstance(node, (MappingNode, SequenceNode)) else ():
        yield from value if isinstance(value, tuple) else (value,)
