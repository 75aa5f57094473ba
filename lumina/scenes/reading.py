"""Meshes in files, with all that rendering needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lumina.errors import CorruptSample
from lumina.files.regular import require_regular
from lumina.scenes.beside import InFolder, require_size
from lumina.scenes.gltf import read_gltf
from lumina.scenes.mesh import Mesh
from lumina.scenes.parts import Part, assemble
from lumina.scenes.solids import read_solid
from lumina.scenes.wavefront import read_obj

SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".off", ".stl")
"""Files of meshes, in lower case; the more of materials a kind tells, the earlier it stands."""


def read_mesh(file: Path) -> Mesh:
    """The mesh in a file as it lies there: neither turned nor scaled.

    Of several scenes the default one is read, of an animation the state at rest. What is missing and what stands for it
    is in ``Mesh.substitutes``. Nothing outside the file's folder is read, and nothing is fetched.

    Raises:
        CorruptSample: the file cannot be read or holds no mesh; names it.
        ImportError: naming the extra to install.
    """
    said: list[str] = []
    with named_errors(file), np.errstate(all="ignore"):  # coordinates that are not finite are refused in the end
        require_regular(file)
        require_size(file)
        return assemble(_parts(file, said), said)


@contextmanager
def named_errors(name: str | Path) -> Iterator[None]:
    """Context that turns what readers raise into a `CorruptSample` of this name."""
    try:
        yield
    except (ImportError, CorruptSample):
        raise
    except KeyError as error:
        raise CorruptSample(name, f"it lacks {error}") from error
    except (OSError, ValueError) as error:
        raise CorruptSample(name, error) from error
    except Exception as error:  # parsers of meshes raise whatever a damaged file makes them stumble over
        raise CorruptSample(name, f"it is damaged ({type(error).__name__}: {error})") from error


def _parts(file: Path, said: list[str]) -> list[Part]:
    beside, suffix = InFolder(file.parent), file.suffix.lower()
    if suffix == ".obj":
        return read_obj(beside.read(file.name), beside, said)
    if suffix in (".glb", ".gltf"):
        return read_gltf(beside.read(file.name), beside, said)
    if suffix in SUFFIXES:
        return read_solid(file, beside, said)
    raise ValueError(f"it is none of {', '.join(SUFFIXES)}")
