"""glTF 2.0, as .glb and .gltf: its default scene at rest. Y is up, units are metres."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.scenes.beside import Beside
from lumina.scenes.cameras import Floats
from lumina.scenes.gltf_data import Accessors, bytes_of
from lumina.scenes.gltf_extensions import sift_extensions
from lumina.scenes.gltf_materials import Materials
from lumina.scenes.mesh import Material
from lumina.scenes.normals import transformed_normals
from lumina.scenes.parts import MOST_FACES, Part, require_few
from lumina.scenes.textures import to_srgb

MAGIC = b"glTF"
JSON, BIN = 0x4E4F534A, 0x004E4942
TRIANGLES, STRIP, FAN = 4, 5, 6
MOST_VERTICES = 3 * MOST_FACES
"""Of one primitive: a vertex for each corner."""


def read_gltf(data: bytes, beside: Beside, said: list[str]) -> list[Part]:
    """The parts of a glTF file: its default scene, else the first, at rest.

    Args:
        data: the file.
        beside: where buffers and pictures are that it does not hold.
        said: what stands for what is missing, and what is left out, is added to it.

    Raises:
        ValueError: the file is damaged, compressed, needs an extension that is not read, or names buffers that are not
            beside it.
        LookupError: it lacks something.
    """
    head, rest = _chunks(data)
    sift_extensions(head, said)
    if not str(head.get("asset", {}).get("version", "2")).startswith("2"):
        raise ValueError("it is of another version than glTF 2.0: export it as that")
    _say(head, said)
    return Scene(head, rest, beside, said).parts()


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes | None]:
    """The JSON of a file and, of a .glb, its binary chunk."""
    if not data.startswith(MAGIC):
        return _json(data), None
    head, binary, place = None, None, 12
    while place + 8 <= len(data):
        length, kind = struct.unpack_from("<II", data, place)
        chunk = data[place + 8 : place + 8 + length]
        if len(chunk) < length:
            raise ValueError("it is cut off")
        if kind == JSON and head is None:
            head = _json(chunk)
        elif kind == BIN and binary is None:
            binary = chunk
        place += 8 + length
    if head is None:
        raise ValueError("it is cut off before its JSON")
    return head, binary


def _json(data: bytes) -> dict[str, Any]:
    head = json.loads(data.decode("utf-8-sig"))
    if not isinstance(head, dict):
        raise ValueError("its JSON is no object")
    return head


def _say(head: Mapping[str, Any], said: list[str]) -> None:
    scenes = len(head.get("scenes", []))
    if scenes > 1:
        said.append(f"it has {scenes} scenes: number {head.get('scene', 0) + 1} alone is shown")
    if head.get("animations"):
        said.append("it is animated: it is shown at rest")


@dataclass(frozen=True)
class Scene:
    """A glTF file that is being read.

    Attributes:
        head: its JSON.
        binary: the binary chunk of a .glb.
        beside: its other files.
        said: what stands for what is missing.
    """

    head: Mapping[str, Any]
    binary: bytes | None
    beside: Beside
    said: list[str]

    def parts(self) -> list[Part]:
        """All triangles of the scene in place."""
        found: list[Part] = []
        count, others = 0, 0
        for number, matrix in self._worlds.items():
            node = self._nodes[number]
            if "mesh" not in node:
                continue
            for primitive in self.head["meshes"][node["mesh"]]["primitives"]:
                if primitive.get("mode", TRIANGLES) not in (TRIANGLES, STRIP, FAN):
                    others += 1
                    continue
                self._require_few(primitive, count)
                found.append(self._part(primitive, node, matrix))
                count += len(found[-1].faces)
                require_few(count)
        if others and not found:
            raise ValueError("it holds points or lines alone, but no faces to render: export it as a mesh")
        if others:
            self.said.append("its points and lines are left out")
        return found

    def _require_few(self, primitive: Mapping[str, Any], before: int) -> None:
        """Refuses too many vertices, or faces with those of the parts before, while nothing of them is read."""
        positions = primitive["attributes"]["POSITION"]
        vertices = self.head["accessors"][positions]["count"]
        if vertices > MOST_VERTICES:
            raise ValueError(f"it has {vertices:,} vertices, of which {MOST_VERTICES:,} are read: simplify it")
        require_few(before + self.head["accessors"][primitive.get("indices", positions)]["count"] // 3)

    @cached_property
    def _nodes(self) -> list[dict[str, Any]]:
        return list(self.head.get("nodes", []))

    @cached_property
    def _worlds(self) -> dict[int, Floats]:
        """``[4, 4]`` local-to-world of the scene's nodes, each at its first place."""
        scenes = self.head.get("scenes")
        children = {child for node in self._nodes for child in node.get("children", [])}
        roots = (
            scenes[self.head.get("scene", 0)].get("nodes", []) if scenes else set(range(len(self._nodes))) - children
        )
        worlds: dict[int, Floats] = {}
        left = [(number, np.eye(4)) for number in roots]
        while left:
            number, parent = left.pop()
            if number not in worlds:
                worlds[number] = parent @ local_matrix(self._nodes[number])
                left += [(child, worlds[number]) for child in self._nodes[number].get("children", [])]
        return worlds

    @cached_property
    def _accessors(self) -> Accessors:
        buffers = [
            self.binary if "uri" not in buffer and self.binary is not None else bytes_of(buffer["uri"], self.beside)
            for buffer in self.head.get("buffers", [])
        ]
        return Accessors(self.head, buffers)

    @cached_property
    def _materials(self) -> Materials:
        return Materials(self.head, self._accessors, self.beside, self.said)

    def _part(self, primitive: Mapping[str, Any], node: Mapping[str, Any], matrix: Floats) -> Part:
        attributes = primitive["attributes"]
        positions = self._morphed(primitive, node, "POSITION")
        skinned = "skin" in node and "JOINTS_0" in attributes
        matrices = self._skinning(node["skin"], attributes) if skinned else matrix[None]
        faces = self._faces(primitive, len(positions))
        if np.linalg.det(matrices[0, :3, :3]) < 0:  # a mirror turns the order of corners
            faces = faces[:, ::-1]
        normals = uv = None
        if "NORMAL" in attributes:
            normals = transformed_normals(self._morphed(primitive, node, "NORMAL"), matrices[:, :3, :3])[faces]
        material = Material(colour=(1, 1, 1, 1))
        if "material" in primitive:
            material = self._materials[primitive["material"]]
            uv = self._materials.coordinates(primitive["material"], attributes)
        colours = self._colours(attributes)
        used = np.zeros(len(positions), bool)  # parts may share a table of vertices, of which each keeps its own
        used[faces] = True
        return Part(
            vertices=((matrices[:, :3, :3] @ positions[..., None])[..., 0] + matrices[:, :3, 3])[used],
            faces=(np.cumsum(used) - 1)[faces],
            normals=normals,
            uv=None if uv is None else uv[faces],
            colours=None if colours is None else colours[faces],
            material=material,
        )

    def _faces(self, primitive: Mapping[str, Any], count: int) -> npt.NDArray[np.int64]:
        """``[F, 3]``."""
        numbers = np.arange(count)
        if "indices" in primitive:
            numbers = self._accessors[primitive["indices"]].reshape(-1).astype(np.int64)
        if len(numbers) and numbers.max() >= count:
            raise ValueError(f"a face names vertex {numbers.max()} of {count}")
        mode = primitive.get("mode", TRIANGLES)
        if mode == TRIANGLES:
            return numbers[: len(numbers) // 3 * 3].reshape(-1, 3)
        if mode == FAN:
            return np.stack((np.full(max(0, len(numbers) - 2), numbers[0]), numbers[1:-1], numbers[2:]), 1)
        strip = np.stack((numbers[:-2], numbers[1:-1], numbers[2:]), 1)
        strip[1::2] = strip[1::2, ::-1]
        return strip[(strip != np.roll(strip, 1, 1)).all(1)]

    def _morphed(self, primitive: Mapping[str, Any], node: Mapping[str, Any], name: str) -> Floats:
        """An attribute ``[V, 3]`` with the morph targets that are on at rest."""
        values = self._accessors[primitive["attributes"][name]].astype(np.float64)
        weights = node.get("weights", self.head["meshes"][node["mesh"]].get("weights", []))
        for weight, target in zip(weights, primitive.get("targets", []), strict=False):
            if weight and name in target:
                values = values + weight * self._accessors[target[name]]
        return values

    def _skinning(self, number: int, attributes: Mapping[str, Any]) -> Floats:
        """``[V, 4, 4]`` of vertices that hang on bones; the place of their own node does not count."""
        skin = self.head["skins"][number]
        joints = np.stack([self._worlds.get(joint, np.eye(4)) for joint in skin["joints"]])
        if "inverseBindMatrices" in skin:
            inverse = self._accessors[skin["inverseBindMatrices"]].reshape(-1, 4, 4).swapaxes(1, 2)
            joints = joints @ inverse[: len(joints)]
        total = np.zeros((self.head["accessors"][attributes["POSITION"]]["count"], 4, 4))
        summed = np.zeros(len(total))
        for place in range(4):
            if f"JOINTS_{place}" not in attributes:
                break
            bones = self._accessors[attributes[f"JOINTS_{place}"]].astype(np.int64)
            weights = self._accessors[attributes[f"WEIGHTS_{place}"]]
            total += sum(weights[:, bone, None, None] * joints[bones[:, bone]] for bone in range(bones.shape[1]))
            summed += weights.sum(1)
        return total / np.where(summed > 0, summed, 1)[:, None, None]

    def _colours(self, attributes: Mapping[str, int]) -> Floats | None:
        """``[V, 4]`` in sRGB; the file has linear light."""
        if "COLOR_0" not in attributes:
            return None
        colours = self._accessors[attributes["COLOR_0"]].astype(np.float64)
        alpha = colours[:, 3:] if colours.shape[1] > 3 else np.ones((len(colours), 1))
        return np.concatenate((to_srgb(colours[:, :3]), alpha.clip(0, 1)), 1)


def local_matrix(node: Mapping[str, Any]) -> Floats:
    """``[4, 4]`` of a node: its own, or that of its translation, rotation and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", [0, 0, 0, 1]), np.float64)
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.array(node.get("scale", [1, 1, 1]), np.float64)
    matrix[:3, 3] = node.get("translation", [0, 0, 0])
    return matrix
