"""OBJ files with their materials: Wavefront's text format."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lumina.clouds.polygons import triangles
from lumina.scenes.beside import Beside
from lumina.scenes.cameras import Floats
from lumina.scenes.mesh import Material
from lumina.scenes.mtl import Described, build_material, parse_mtl
from lumina.scenes.parts import GREY, Part, require_few
from lumina.scenes.textures import Pictures

Ints = npt.NDArray[np.int64]
OTHERS = {"p": "points", "l": "lines", "curv": "curves", "surf": "curved surfaces"}


@dataclass(slots=True)
class Lines:
    """The lines of an OBJ file by what they say.

    Attributes:
        v: positions, with colours where there are six numbers.
        vt: texture coordinates.
        vn: normals.
        faces: their corners.
        uses: of each face the number of its material.
        names: of materials, and their numbers.
        libraries: names of MTL files.
        so_far: numbers of ``v``, ``vt`` and ``vn`` before each face that counts backwards.
        others: kinds of lines that draw something else than faces.
    """

    v: list[str] = field(default_factory=list)
    vt: list[str] = field(default_factory=list)
    vn: list[str] = field(default_factory=list)
    faces: list[str] = field(default_factory=list)
    uses: list[int] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=lambda: {"": 0})
    libraries: list[str] = field(default_factory=list)
    so_far: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Corners:
    """Triangles of an OBJ file.

    Attributes:
        numbers: ``[F, 3, 3]``: of each corner its position, texture coordinates and normal, from 1; 0 = none.
        uses: ``[F]`` number of the material.
    """

    numbers: Ints
    uses: Ints


def read_obj(data: bytes, beside: Beside, said: list[str]) -> list[Part]:
    """The parts of an OBJ file, one a material.

    Args:
        data: the file.
        beside: where its materials and textures are.
        said: what stands for what is missing is added to it.

    Raises:
        ValueError: the file is damaged.
    """
    lines = _sorted(decoded(data))
    if not lines.v:
        raise ValueError("it has no vertices")
    require_few(len(lines.faces))
    if lines.others:
        said.append(f"its {' and '.join(sorted({OTHERS[kind] for kind in lines.others}))} are left out")
    table = _table(lines.v, 3)
    corners = _corners(lines, table[:, :3])
    uv, normals = (_table(rows, least) if rows else None for rows, least in ((lines.vt, 1), (lines.vn, 3)))
    described = _libraries(lines, beside, said)
    parts, pictures = [], Pictures(said)
    for name, use in lines.names.items():
        numbers = corners.numbers[corners.uses == use]
        if not len(numbers):
            continue
        told = described.get(name)
        if name and told is None:
            said.append(f"the material {name} is not described: light grey stands for it")
        plain = Material(colour=GREY if table.shape[1] < 6 else (1, 1, 1, 1))
        material = build_material(name, told, beside, pictures) if told else plain
        parts.append(_part(numbers, table, uv, normals, told or Described(), material))
    return parts


def decoded(data: bytes) -> str:
    """Text in UTF-8 or, where it is none, in Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _part(
    numbers: Ints, table: Floats, uv: Floats | None, normals: Floats | None, told: Described, material: Material
) -> Part:
    coordinates = _looked_up(uv, numbers[..., 1], 2)
    return Part(
        vertices=table[:, :3],
        faces=numbers[..., 0] - 1,
        normals=_looked_up(normals, numbers[..., 2], 3),
        uv=None if coordinates is None else coordinates * told.scale + told.offset,
        colours=_colours(table, numbers[..., 0] - 1),
        material=material,
    )


def _sorted(text: str) -> Lines:
    lines = Lines()
    rows = {"v": lines.v, "vt": lines.vt, "vn": lines.vn}
    use = 0
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        kind, _, rest = line.strip().replace("\t", " ").partition(" ")
        if kind in rows:
            rows[kind].append(rest.partition("#")[0])
        elif kind == "f":
            if "-" in rest:
                lines.so_far[len(lines.faces)] = (len(lines.v), len(lines.vt), len(lines.vn))
            lines.faces.append(rest.partition("#")[0])
            lines.uses.append(use)
        elif kind == "usemtl":
            use = lines.names.setdefault(rest.strip(), len(lines.names))
        elif kind == "mtllib":
            lines.libraries.append(rest.strip())
        elif kind in OTHERS:
            lines.others.add(kind)
    return lines


def _table(rows: Sequence[str], least: int) -> Floats:
    """``[N, C]`` numbers of lines, C as many as the shortest has."""
    counts = {len(row.split()) for row in rows}
    if min(counts) < least:
        raise ValueError(f"a line holds {min(counts)} numbers, expected {least}")
    if len(counts) > 1:
        rows = [" ".join(row.split()[: min(counts)]) for row in rows]
    return np.asarray(_parsed(" ".join(rows), np.float64), np.float64).reshape(len(rows), min(counts))


def _parsed(text: str, kind: type[np.float64] | type[np.int64]) -> npt.NDArray[np.generic]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, kind, sep=" ")
        except (DeprecationWarning, ValueError) as error:  # by NumPy's version
            raise ValueError("a line holds something that is not a number") from error


def _corners(lines: Lines, vertices: Floats) -> Corners:
    """All faces as triangles."""
    alike: dict[tuple[int, int], list[int]] = {}
    for number, face in enumerate(lines.faces):
        slashes = -face.count("//") if "//" in face else face.count("/")
        alike.setdefault((len(face.split()), slashes), []).append(number)
    limits = np.array([len(lines.v), len(lines.vt), len(lines.vn)])
    numbers, uses = [np.zeros((0, 3, 3), np.int64)], [np.zeros(0, np.int64)]
    for (count, slashes), members in alike.items():
        if count < 3:
            continue
        polygons = _polygons([lines.faces[member] for member in members], count, slashes)
        backwards = [(row, lines.so_far[member]) for row, member in enumerate(members) if member in lines.so_far]
        for row, so_far in backwards:
            polygons[row] += np.where(polygons[row] < 0, np.array(so_far) + 1, 0)
        _require_there(polygons, limits)
        chosen, polygon = _triangulated(polygons, vertices)
        numbers.append(chosen)
        uses.append(np.array([lines.uses[member] for member in members])[polygon])
    return Corners(np.concatenate(numbers), np.concatenate(uses))


def _polygons(faces: list[str], count: int, slashes: int) -> Ints:
    """``[K, count, 3]`` numbers of faces that are written alike; 0 = none."""
    polygons = np.zeros((len(faces), count, 3), np.int64)
    columns = {0: [0], count: [0, 1], 2 * count: [0, 1, 2], -count: [0, 2]}.get(slashes)
    flat = np.asarray(_parsed(" ".join(faces).replace("/", " "), np.int64), np.int64)
    if columns and flat.size == len(faces) * count * len(columns):
        polygons[..., columns] = flat.reshape(len(faces), count, len(columns))
        return polygons
    for row, face in enumerate(faces):  # each corner in its own way
        for place, word in enumerate(face.split()):
            for column, number in enumerate(word.split("/")[:3]):
                polygons[row, place, column] = int(number or 0)
    return polygons


def _require_there(polygons: Ints, limits: Ints) -> None:
    """Refuses positions that there are not; texture coordinates and normals that there are not become 0."""
    wrong = polygons[..., 0][(polygons[..., 0] < 1) | (polygons[..., 0] > limits[0])]
    if len(wrong):
        raise ValueError(f"a face names vertex {wrong[0]}, but they count from 1 to {limits[0]}")
    polygons[(polygons < 0) | (polygons > limits)] = 0


def _triangulated(polygons: Ints, vertices: Floats) -> tuple[Ints, Ints]:
    """``[F, 3, 3]`` numbers of the triangles' corners, and ``[F]`` the polygon of each."""
    count = polygons.shape[1]
    if count == 3:
        return polygons, np.arange(len(polygons))
    flat = polygons.reshape(-1, 3)
    corners = triangles(np.arange(len(flat)).reshape(-1, count), vertices[flat[:, 0] - 1])
    return flat[corners], corners[:, 0] // count


def _looked_up(table: Floats | None, numbers: Ints, width: int) -> Floats | None:
    """``[F, 3, width]`` rows of a table, whose numbers count from 1; 0 where there is none; None = all are missing."""
    if table is None or not numbers.any():
        return None
    rows = np.zeros((len(table) + 1, width))
    rows[1:, : table.shape[1]] = table[:, :width]
    return rows[numbers]


def _colours(table: Floats, faces: Ints) -> Floats | None:
    """``[F, 3, 4]`` colours of corners, where positions are followed by them, from 0 to 1 or to 255."""
    if table.shape[1] < 6:
        return None
    colours = table[:, 3:6] / (255 if table[:, 3:6].max() > 1 else 1)
    return np.concatenate((colours.clip(0, 1), np.ones((len(table), 1))), 1)[faces]


def _libraries(lines: Lines, beside: Beside, said: list[str]) -> dict[str, Described]:
    """The materials of all MTL files; a line may name several, or one with spaces in its name."""
    described: dict[str, Described] = {}
    for named in lines.libraries:
        whole = beside.find(named)
        found = [whole] if whole else [beside.find(word) for word in named.split()]
        for file in found or [None]:
            file = file or _only_library(named, beside, said)
            try:
                described = parse_mtl(decoded(beside.read(file))) | described if file else described
            except (OSError, ValueError) as error:
                said.append(f"the material file {file} cannot be read ({error}): light grey stands for its materials")
    return described


def _only_library(named: str, beside: Beside, said: list[str]) -> str | None:
    """The one MTL file that lies there instead of one that does not."""
    there = [name for name in beside.names("") if name.lower().endswith(".mtl")]
    instead = there[0] if len(there) == 1 else None
    said.append(f"the material file {named} is missing: {instead or 'light grey'} stands for it")
    return instead
