"""Catalogues of furniture, as Sweet Home 3D has them: models with names, categories and sizes in a zip archive."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lumina.files.zip_file import check_swelling
from lumina.scenes.beside import InArchive
from lumina.scenes.cameras import Floats
from lumina.scenes.mesh import Mesh
from lumina.scenes.normalise import transformed
from lumina.scenes.parts import assemble
from lumina.scenes.reading import named_errors
from lumina.scenes.wavefront import read_obj

CATALOGUE = "PluginFurnitureCatalog.properties"
CODE = "latin-1"  # of every Java properties file


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of a catalogue.

    Attributes:
        file: the catalogue, a zip archive.
        model: the OBJ file in it.
        name: in English.
        category: the room or kind that the catalogue sorts it under.
        rotation: ``[3, 3]``, which stands the model upright.
        size: width, height and depth in cm.
        check: the archive's checksum of the model; 0 where the model is missing.
    """

    file: Path
    model: str
    name: str
    category: str
    rotation: npt.NDArray[np.float64]
    size: tuple[float, float, float]
    check: int

    def __str__(self) -> str:
        """The archive and the file in it."""
        return f"{self.file}:{self.model}"

    @property
    def digest(self) -> str:
        """Another one for another model, rotation or size."""
        return hashlib.sha256(repr((self.check, self.rotation.tolist(), self.size)).encode()).hexdigest()

    def standing(self, vertices: npt.NDArray[np.floating]) -> Floats:
        """``[3, 3]`` that stands a model of ``vertices [V, 3]`` upright, at its real size: right, up, to the viewer."""
        extent = np.ptp(vertices @ self.rotation.T, axis=0)
        stretch = np.divide(self.size, extent, out=np.ones(3), where=extent > 0)
        return stretch[:, None] * self.rotation


def read_catalogue(file: Path) -> list[Piece]:
    """The pieces of a catalogue, in its order.

    Raises:
        ValueError: the file is no catalogue, or a piece lacks something.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            check_swelling([archive.getinfo(CATALOGUE)])
            text = archive.read(CATALOGUE).decode(CODE)
            checks = {member.filename: member.CRC for member in archive.infolist()}
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ValueError(f"{file} is not a furniture catalogue ({error}): get it anew.") from error
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    entries: dict[int, dict[str, str]] = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*?)\r?$", text, re.MULTILINE):
        entries.setdefault(int(number), {})[key] = value.strip()
    pieces = []
    for number, entry in sorted(entries.items()):
        try:
            pieces.append(_piece(file, entry, checks))
        except (KeyError, ValueError) as error:
            why = f"lacks its {error}" if isinstance(error, KeyError) else f"is damaged ({error})"
            raise ValueError(f"{file} is damaged: its piece {number} {why}.") from error
    return pieces


def _piece(file: Path, entry: dict[str, str], checks: dict[str, int]) -> Piece:
    turned = [float(number) for number in entry.get("modelRotation", "1 0 0 0 1 0 0 0 1").split()]
    model = entry["model"].lstrip("/")
    return Piece(
        file=file,
        model=model,
        name=entry["name"],
        category=entry["category"],
        rotation=np.array(turned).reshape(3, 3),
        size=(float(entry["width"]), float(entry["height"]), float(entry["depth"])),
        check=checks.get(model, 0),
    )


def read_piece(piece: Piece) -> Mesh:
    """The mesh of a piece with its textures, y upwards, at real size in cm.

    Raises:
        CorruptSample: the model cannot be read.
    """
    said: list[str] = []
    with named_errors(str(piece)), zipfile.ZipFile(piece.file) as archive:
        if not piece.model.lower().endswith(".obj"):
            raise ValueError("models other than .obj are not read")
        folder, _, file = piece.model.rpartition("/")
        beside = InArchive(archive, folder)
        mesh = assemble(read_obj(beside.read(file), beside, said), said)
    return transformed(mesh, piece.standing(mesh.vertices))
