"""Meshes in VRML 2 files: indexed faces, wherever transformations put them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.clouds.polygons import triangles

COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|#[^\r\n]*')
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\[[-+.\deE,\s]*\]|[\[\]{}]|[^\s,\[\]{}"]+')
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
CONSTANTS = {"TRUE", "FALSE"}
GROUPS = {"Anchor", "Billboard", "Collision", "Group", "Transform"}
WITHOUT_AREA = {"IndexedLineSet", "PointSet"}
UNREAD = {"EXTERNPROTO", "Inline", "PROTO"}
MOST = 1_000_000  # nodes that are visited: USE may name one node many times over

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the scene.

    Attributes:
        kind: its type.
        fields: nodes, lists of nodes, arrays of numbers, or words, by name.
    """

    kind: str
    fields: dict[str, Any]


def read_vrml(text: str) -> tuple[Array, npt.NDArray[np.int64]]:
    """Vertices ``[V, 3]`` and triangles ``[F, 3]`` of all face sets, in the coordinates of the scene.

    Raises:
        ValueError: the file is damaged, or has shapes that are not read; the message names them.
    """
    if text.startswith("#VRML V1"):
        raise ValueError("it is VRML 1, which is not read: export it as VRML 2 (VRML97)")
    parser = _Parser(text)
    vertices, faces, first = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], 0
    for points, corners in _Scene().shapes(parser.scene(), np.eye(4)):
        vertices.append(points)
        polygons = [part[part >= 0] for part in np.split(corners, np.flatnonzero(corners < 0))]
        faces.append(triangles(polygons, points) + first)
        first += len(points)
    if not first:
        raise ValueError("it has no IndexedFaceSet")
    return np.concatenate(vertices), np.concatenate(faces)


class _Parser:
    """Reads nodes from the words of a file; which fields a node may have is not asked."""

    def __init__(self, text: str) -> None:
        self.words = TOKEN.findall(COMMENT.sub(lambda found: found[1] or " ", text))
        self.next = 0
        self.named: dict[str, Node] = {}

    def scene(self) -> list[Node]:
        nodes: list[Node] = []
        while self.next < len(self.words):
            nodes += self._node()
        return nodes

    def _next(self) -> str:
        if self.next == len(self.words):
            raise ValueError("it is cut off")
        self.next += 1
        return self.words[self.next - 1]

    def _peek(self, ahead: int = 0) -> str:
        position = self.next + ahead
        return self.words[position] if position < len(self.words) else ""

    def _node(self) -> list[Node]:
        """One node; none for NULL and routes."""
        word = self._next()
        if word in UNREAD:
            raise ValueError(f"it has a node {word}, which is not read")
        if word == "NULL":
            return []
        if word == "ROUTE":
            self.next += 3  # FROM TO TARGET
            return []
        if word == "USE":
            name = self._next()
            if name not in self.named:
                raise ValueError(f"it uses {name}, which it does not define before")
            return [self.named[name]]
        if word == "DEF":
            name = self._next()
            (node,) = self._node()
            self.named[name] = node
            return [node]
        if self._next() != "{":
            raise ValueError(f"{word} stands where a node is expected")
        return [self._body(word)]

    def _body(self, kind: str) -> Node:
        fields: dict[str, Any] = {}
        while (name := self._next()) != "}":
            fields[name] = self._value()
        return Node(kind, fields)

    def _value(self) -> Any:
        word = self._peek()
        if word.startswith("[") and len(word) > 1:
            self.next += 1
            return np.array(word[1:-1].replace(",", " ").split(), np.float64)
        if word == "[":
            self.next += 1
            return self._list()
        if word in ("USE", "DEF", "NULL") or self._peek(1) == "{":
            return self._node()
        values = []
        while (word := self._peek()) and (word[0] == '"' or word in CONSTANTS or word.lstrip("+-.")[:1].isdigit()):
            values.append(self._next())
        return np.array(values, np.float64) if values and all(map(NUMBER.fullmatch, values)) else values

    def _list(self) -> list[Any]:
        found: list[Any] = []
        while self._peek() != "]":
            word = self._peek()
            found += [self._next()] if word[:1] == '"' or word in CONSTANTS else self._node()
        self.next += 1
        return found


class _Scene:
    """Walks through the nodes."""

    def __init__(self) -> None:
        self.visited = 0

    def shapes(self, nodes: list[Node], matrix: Array) -> Iterator[tuple[Array, npt.NDArray[np.int64]]]:
        """Points ``[P, 3]`` and corners of polygons, each ended by -1, of all face sets under ``matrix [4, 4]``."""
        for node in nodes:
            self.visited += 1
            if self.visited > MOST:
                raise ValueError(f"it has more than {MOST:,} nodes")
            if node.kind == "Shape":
                yield from _faces(node, matrix)
            elif node.kind == "LOD":
                yield from self.shapes(node.fields.get("level", [])[:1], matrix)
            elif node.kind == "Switch":
                yield from self.shapes(_chosen(node), matrix)
            elif node.kind in GROUPS:
                own = matrix @ _matrix(node) if node.kind == "Transform" else matrix
                yield from self.shapes(node.fields.get("children", []), own)


def _chosen(node: Node) -> list[Node]:
    choices, which = node.fields.get("choice", []), int(node.fields.get("whichChoice", [-1])[0])
    return choices[which : which + 1] if which >= 0 else []


def _faces(shape: Node, matrix: Array) -> Iterator[tuple[Array, npt.NDArray[np.int64]]]:
    for geometry in shape.fields.get("geometry", []):
        if geometry.kind in WITHOUT_AREA:
            continue
        if geometry.kind != "IndexedFaceSet":
            raise ValueError(f"it has a {geometry.kind}, which is not read: export it as faces (IndexedFaceSet)")
        points = [node.fields.get("point", np.zeros(0)) for node in geometry.fields.get("coord", [])]
        corners = geometry.fields.get("coordIndex", np.zeros(0))
        if not points or not len(points[0]) or not len(corners):
            raise ValueError("it has an IndexedFaceSet without points or without faces")
        moved = np.asarray(points[0], np.float64).reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
        yield moved, np.asarray(corners, np.float64).astype(np.int64)


def _matrix(node: Node) -> Array:
    """``[4, 4]`` of a Transform: ``T C R SR S -SR -C`` (ISO 14772-1, 6.52)."""
    fields = node.fields
    centre, scale = fields.get("center", np.zeros(3)), fields.get("scale", np.ones(3))
    skew = _rotation(fields.get("scaleOrientation", (0, 0, 1, 0)))
    linear = _rotation(fields.get("rotation", (0, 0, 1, 0))) @ skew @ np.diag(scale) @ skew.T
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = fields.get("translation", np.zeros(3)) + centre - linear @ centre
    return matrix


def _rotation(axis_and_angle: Any) -> Array:
    """``[3, 3]`` about an axis by an angle in radians (Rodrigues)."""
    *axis, angle = np.asarray(axis_and_angle, np.float64)
    length = np.linalg.norm(axis)
    if not length > 0:
        return np.eye(3)
    x, y, z = np.array(axis) / length
    across = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: Array = np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * across @ across
    return turned
